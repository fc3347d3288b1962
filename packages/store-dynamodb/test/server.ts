import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { type DynamodbServer, startDynamodb } from "@sluice/servers";
import { afterAll } from "vitest";
import { createSchema, type DynamodbStore, type DynamodbStoreOptions, dynamodbStore } from "../src/index.js";
import { connect } from "./clients.js";
import { countRequests } from "./counted.js";

export const TABLE = "limits";

/** A server with the table, which ends with the test file, and stores on it. */
export async function serverWithTable(): Promise<{
  server: DynamodbServer;
  client: DynamoDBClient;
  /** A store on a client of its own, whose requests are counted. */
  openStore(
    options?: Omit<DynamodbStoreOptions, "client" | "table">,
    config?: DynamoDBClientConfig,
  ): { store: DynamodbStore; client: DynamoDBClient; requests: ReturnType<typeof countRequests> };
}> {
  const server = await startDynamodb();
  const clients: DynamoDBClient[] = [];
  const connected = (config?: DynamoDBClientConfig): DynamoDBClient => {
    const client = connect(server.url, config);
    clients.push(client);
    return client;
  };
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await server.stop();
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
