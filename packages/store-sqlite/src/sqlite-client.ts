import { SluiceError } from "@sluice/core";

/** What the store gives to a statement. */
export type SqliteValue = string | number | null;

/** A prepared statement. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
}

/**
 * An open database: a `DatabaseSync` of `node:sqlite`, or a `Database` of `better-sqlite3` or `libsql`. Give the store one of
 * its own, that nothing else uses: it opens transactions on it.
 */
export interface SqliteClient {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
}

/** @throws SluiceError `INVALID_CLIENT` */
export function checkClient(client: SqliteClient): SqliteClient {
  const { prepare, exec } = (client ?? {}) as Partial<SqliteClient>;
  if (typeof prepare === "function" && typeof exec === "function") return client;
  throw new SluiceError(
    "INVALID_CLIENT",
    "the client is no open SQLite database: give a DatabaseSync of node:sqlite, or a Database of better-sqlite3 or libsql",
  );
}

/** The first row of an answer; empty when there is none. */
export function firstRow(client: SqliteClient, sql: string): Readonly<Record<string, unknown>> {
  const [row = {}] = client.prepare(sql).all();
  if (!Array.isArray(row)) return row as Readonly<Record<string, unknown>>;
  throw new SluiceError("INVALID_CLIENT", "the client returns rows as arrays: open the database without returnArrays");
}
