import { afterAll } from "vitest";
import { type PostgresStore, type PostgresStoreOptions, postgresStore } from "../src/index.js";
import type { Connection } from "./clients.js";

/** This many clients take turns: a server has a limited number of connections. */
const CLIENTS = 4;

/** Stores on several clients, which end with the tests. */
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
