import { SluiceError } from "@sluice/core/store";
import { isFromSqlite } from "./failure.js";

/** A value that the store passes to a statement. */
export type SqliteValue = string | number | null;

/** A prepared statement. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
}

/**
 * An open database: a `DatabaseSync` of `node:sqlite`, or a `Database` of `better-sqlite3`, `libsql` or `bun:sqlite`. Give the
 * store a connection that nothing else uses: it opens transactions on it.
 */
export interface SqliteClient {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
}

/** A database that can be closed. */
export interface OpenSqliteClient extends SqliteClient {
  close(): void;
}

const ARRAYS = "it returns rows as arrays: open the database without returnArrays";

/** @throws SluiceError `INVALID_CLIENT` for anything but an open database that answers at once */
export function checkClient(client: SqliteClient): SqliteClient {
  const { prepare, exec, $client } = (client ?? {}) as Partial<SqliteClient> & { $client?: unknown };
  if (typeof prepare !== "function" || typeof exec !== "function") {
    throw invalidClient(
      $client === undefined ? "it has no prepare() and exec()" : "pass the $client of a Drizzle object",
    );
  }
  let statement: unknown;
  try {
    statement = client.prepare("SELECT 1 AS one, 'two' AS two");
  } catch (error) {
    // The client is one, and each call reports what ails its file.
    if (isFromSqlite(error)) return client;
    throw invalidClient(`it can't be used: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  const fault = faultOf(statement);
  if (fault !== undefined) throw invalidClient(fault);
  return client;
}

/** Asynchronous clients return promises, or take callbacks; others read rows one by one. */
function faultOf(statement: unknown): string | undefined {
  if (isPromise(statement)) return "prepare() returns a promise";
  if (typeof statement !== "object" || statement === null) return undefined;
  const { all, finalize } = statement as Partial<SqliteStatement> & { finalize?: unknown };
  if (typeof all !== "function") return "its statements have no all()";
  const rows: unknown = all.call(statement);
  if (isPromise(rows)) return "all() of its statements returns a promise";
  if (!Array.isArray(rows)) {
    if (typeof finalize === "function") finalize.call(statement);
    return "all() of its statements returns no array of rows";
  }
  const [row] = rows as unknown[];
  return Array.isArray(row) && row.includes("two") ? ARRAYS : undefined;
}

/** A promise of a client that is refused must not end the process. */
function isPromise(value: unknown): boolean {
  if (typeof (value as Partial<Promise<unknown>> | null)?.then !== "function") return false;
  Promise.resolve(value).catch(() => {});
  return true;
}

function invalidClient(reason: string, options?: ErrorOptions): SluiceError {
  return new SluiceError(
    "INVALID_CLIENT",
    `the option "client" must be an open SQLite database that answers synchronously, but ${reason}. Pass a DatabaseSync of ` +
      "node:sqlite, a Database of better-sqlite3, libsql or bun:sqlite, or what openSqlite() resolves to.",
    options,
  );
}

/** The first row of an answer; empty if there is no row. */
export function firstRow(client: SqliteClient, sql: string): Readonly<Record<string, unknown>> {
  const [row = {}] = client.prepare(sql).all();
  if (Array.isArray(row)) throw invalidClient(ARRAYS);
  if (typeof row === "object" && row !== null) return row as Readonly<Record<string, unknown>>;
  throw invalidClient("it returns rows that are no objects");
}

interface FileClient {
  new (file: string): OpenSqliteClient;
}

/** The classes of the clients that the store works with: each takes the path of a file. */
const CLASSES = ["Database", "DatabaseSync"];

/** Opens a file by the same package as a client; `undefined` if it can't be opened, or the package is unknown. */
export function openAnother(client: SqliteClient, file: string): OpenSqliteClient | undefined {
  const Client: unknown = client.constructor;
  if (!isKnownClass(Client)) return undefined;
  try {
    const another = new Client(file);
    return typeof another.close === "function" ? another : undefined;
  } catch {
    return undefined;
  }
}

function isKnownClass(Client: unknown): Client is FileClient {
  return typeof Client === "function" && CLASSES.includes(Client.name);
}
