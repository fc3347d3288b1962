import { type Database, invalidClient, type PgClient, type PostgresClient, type PostgresJsClient } from "./client.js";
import { storeFailed } from "./failure.js";
import { clientDatabase, poolDatabase } from "./pg.js";
import { postgresJsDatabase } from "./postgres-js.js";

/** @throws SluiceError `INVALID_CLIENT` */
export function databaseOf(client: PostgresClient, namedStatements: boolean): Database {
  const database = databaseFor(client, namedStatements);
  return {
    ...database,
    async connected(use, deadlineMs) {
      try {
        return await database.connected(use, deadlineMs);
      } catch (error) {
        throw storeFailed(error);
      }
    },
  };
}

function databaseFor(client: PostgresClient, named: boolean): Database {
  if (has(client, "unsafe") && has(client, "begin")) return postgresJsDatabase(client as PostgresJsClient, named);
  if (has(client, "connect") && has(client, "query")) {
    if ("totalCount" in client) return poolDatabase(client, named);
    if (has(client, "on")) return clientDatabase(client as PgClient, named);
  }
  throw invalidClient(client);
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === "function";
}
