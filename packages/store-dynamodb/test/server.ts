import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { startDynamodb } from "@sluice/servers";
import { afterAll, inject } from "vitest";
import { createSchema, type DynamodbStore, type DynamodbStoreOptions, dynamodbStore } from "../src/index.js";
import { connect } from "./clients.js";
import { countRequests } from "./counted.js";

export const TABLE = "limits";

/** A server with the table, and stores on it. Test files share one server, but no table. */
export async function serverWithTable(): Promise<WithTable> {
  return withTable(inject("dynamodb"));
}

/** Like `serverWithTable`, with a separate server for tests that freeze it. The server ends with the test file. */
export async function ownServerWithTable(): Promise<WithTable & Freezable> {
  const server = await startDynamodb();
  const opened = await withTable(server);
  afterAll(() => server.stop());
  return { ...opened, pause: server.pause, resume: server.resume };
}

interface Freezable {
  pause(): void;
  resume(): void;
}

interface WithTable {
  readonly server: { readonly url: string; readonly port: number };
  readonly client: DynamoDBClient;
  /** Opens a store with a separate client, whose requests are counted. */
  openStore(
    options?: Omit<DynamodbStoreOptions, "client" | "table">,
    config?: DynamoDBClientConfig,
  ): { store: DynamodbStore; client: DynamoDBClient; requests: ReturnType<typeof countRequests> };
}

async function withTable(server: WithTable["server"]): Promise<WithTable> {
  const clients: DynamoDBClient[] = [];
  const connected = (config?: DynamoDBClientConfig): DynamoDBClient => {
    const client = connect(server.url, config);
    clients.push(client);
    return client;
  };
  afterAll(() => {
    for (const client of clients) client.destroy();
  });
  const client = connected();
  await createSchema(client, { table: TABLE });
  // The first requests to a server take longer than a decision may.
  const first = dynamodbStore({ client, table: TABLE });
  for (let i = 0; i < 10; i++) await first.atomicUpdate("warm", () => ({ state: i, ttlMs: 1_000 }));
  await first.delete("warm");
  return {
    server,
    client,
    openStore(options, config) {
      const own = connected(config);
      return {
        client: own,
        requests: countRequests(own),
        store: dynamodbStore({ client: own, table: TABLE, ...options }),
      };
    },
  };
}
