import { afterAll } from "vitest";
import { type RedisStore, redisStore } from "../src/index.js";
import type { Connection } from "./clients.js";

/** Opens stores with separate connections, which are closed after the test file. */
export function storesOn(connect: () => Promise<Connection>): () => Promise<RedisStore> {
  const connections: Connection[] = [];
  afterAll(() => {
    for (const connection of connections) connection.end();
  });
  return async () => {
    const connection = await connect();
    connections.push(connection);
    return redisStore({ client: connection.client });
  };
}
