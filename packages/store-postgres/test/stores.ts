import { afterAll } from "vitest";
import { type PostgresStore, type PostgresStoreOptions, postgresStore } from "../src/index.js";
import type { Connection } from "./clients.js";

/** The number of clients, which the stores use in turn, since a server allows a limited number of connections. */
const CLIENTS = 4;

/** Returns a function that creates stores on several clients. The clients are closed after the tests. */
export function storesOn(
  connect: () => Connection,
  options: Omit<PostgresStoreOptions, "client"> = {},
): () => PostgresStore {
  const connections: Connection[] = [];
  let made = 0;
  afterAll(() => Promise.all(connections.map((connection) => connection.end())));
  return () => {
    const place = made++ % CLIENTS;
    const connection = connections[place] ?? connect();
    connections[place] = connection;
    return postgresStore({ client: connection.client, ...options });
  };
}
