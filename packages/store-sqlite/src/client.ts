import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { check, checkOptions, SluiceError } from "@sluice/core/store";
import { isFromSqlite, isWorthWaiting } from "./failure.js";

/** A value that the store passes to a statement. */
export type SqliteValue = string | number | null;

/** A prepared statement. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
}

/**
 * An open database: a `DatabaseSync` of `node:sqlite`, or a `Database` of `better-sqlite3`, `libsql` or `bun:sqlite`.
 * Pass a connection that nothing else uses: the store opens transactions on it.
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

/** @throws SluiceError `INVALID_CLIENT` unless it is an open, synchronous database */
export function checkClient(client: SqliteClient): SqliteClient {
  const { prepare, exec, $client } = (client ?? {}) as Partial<SqliteClient> & { $client?: unknown };
  if (typeof prepare !== "function" || typeof exec !== "function") {
    throw invalidClient(
      $client === undefined ? "it has no prepare() and exec()" : "it is a Drizzle object, whose $client is needed",
    );
  }
  let statement: unknown;
  try {
    statement = client.prepare("SELECT ? AS one, ? AS two");
  } catch (error) {
    // It is a client. Its calls report the errors of its file.
    if (isFromSqlite(error)) return client;
    throw invalidClient(`it can't be used: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  const fault = faultOf(statement);
  if (fault !== undefined) throw invalidClient(fault);
  return client;
}

/** Describes the fault of a client: asynchronous ones return promises or take callbacks, others read rows one by one. */
function faultOf(statement: unknown): string | undefined {
  if (isPromise(statement)) return "prepare() returns a promise";
  if (typeof statement !== "object" || statement === null) return undefined;
  const { all, finalize } = statement as Partial<SqliteStatement> & { finalize?: unknown };
  if (typeof all !== "function") return "its statements have no all()";
  const rows: unknown = all.call(statement, 1, "two");
  if (isPromise(rows)) return "all() of its statements returns a promise";
  if (!Array.isArray(rows)) {
    if (typeof finalize === "function") finalize.call(statement);
    return "all() of its statements does not return an array of rows";
  }
  const [row] = rows as unknown[];
  if (Array.isArray(row) && row.includes("two")) return ARRAYS;
  const { two = "two" } = (row ?? {}) as { two?: unknown };
  return two === "two" ? undefined : "all() of its statements does not accept values one by one";
}

/** Returns whether a value is a promise. Handles its rejection, which must not end the process. */
function isPromise(value: unknown): boolean {
  if (typeof (value as Partial<Promise<unknown>> | null)?.then !== "function") return false;
  Promise.resolve(value).catch(() => {});
  return true;
}

function invalidClient(reason: string, options?: ErrorOptions): SluiceError {
  return new SluiceError(
    "INVALID_CLIENT",
    `the option "client" must be an open SQLite database that answers synchronously, but ${reason}. Pass a DatabaseSync of ` +
      "node:sqlite, a Database of better-sqlite3, libsql or bun:sqlite, or the result of openSqlite().",
    options,
  );
}

/** Returns the first row of an answer. Empty if there is no row. */
export function firstRow(client: SqliteClient, sql: string): Readonly<Record<string, unknown>> {
  const [row = {}] = client.prepare(sql).all();
  if (Array.isArray(row)) throw invalidClient(ARRAYS);
  if (typeof row === "object" && row !== null) return row as Readonly<Record<string, unknown>>;
  throw invalidClient("it returns rows that are not objects");
}

interface FileClient {
  new (file: string): OpenSqliteClient;
}

/** The class names of the supported clients. Each takes the path of a file. */
const CLASSES = ["Database", "DatabaseSync"];

/** Opens a file with the same package as a client. `undefined` if it can't be opened or the package is unknown. */
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

/** Options of {@link openSqlite}. */
export interface OpenSqliteOptions {
  /** True to create the file if it is missing. Default true. If false, a missing file is a `STORE_NOT_READY` error. */
  create?: boolean | undefined;
  /** Options of the constructor of `node:sqlite`, `better-sqlite3` or `libsql`. */
  options?: Readonly<Record<string, unknown>> | undefined;
}

type Open = (file: string, options: Readonly<Record<string, unknown>>) => OpenSqliteClient;

interface Constructor {
  new (file: string, options: Readonly<Record<string, unknown>>): OpenSqliteClient;
}

/** The packages that can open a database, in the order in which they are tried. */
const SOURCES: readonly (readonly [module: string, name: string])[] = [
  ["node:sqlite", "DatabaseSync"],
  ["better-sqlite3", "default"],
  ["libsql", "default"],
];

/**
 * Opens an SQLite file, and creates it if it is missing unless `create` is false. Uses the first that is available of
 * `node:sqlite` (Node.js 22.13 and later), `better-sqlite3` and `libsql`. A new file has no table yet: see {@link
 * createSchema}.
 *
 * @param path the path of the file, or `":memory:"` for a database in memory that only this connection sees
 * @throws SluiceError rejects with `STORAGE_UNAVAILABLE` if the folder does not exist, access is denied, or the file is of
 * another kind; with `STORE_NOT_READY` if the file is missing and may not be created; with `PACKAGE_MISSING` on Node.js 20
 * if no suitable package is installed; with `INVALID_OPTION` or `UNKNOWN_OPTION` for an invalid option
 *
 * @example
 * ```ts
 * import { createSchema, openSqlite, sqliteStore } from "@sluice/store-sqlite";
 *
 * const client = await openSqlite("limits.db");
 * await createSchema(client);
 * const store = sqliteStore({ client });
 * // At the end:
 * await store.close();
 * client.close();
 * ```
 */
export async function openSqlite(path: string, options: OpenSqliteOptions = {}): Promise<OpenSqliteClient> {
  check("path", path, { is: (file) => typeof file === "string" && file !== "", must: "be the path of a file" });
  checkOptions(options, { create: "boolean", options: "any" }, "openSqlite");
  const { create = true, options: clientOptions = {} } = options;
  const open = await findSqlite();
  // Not a URI, in which SQLite would read options, and not a URL, for which libsql would connect to a server.
  const file = path === ":memory:" ? path : resolve(path);
  if (!create && file !== ":memory:" && existsSync(dirname(file)) && !existsSync(file)) {
    throw new SluiceError(
      "STORE_NOT_READY",
      `there is no SQLite file ${file}: create it with openSqlite(path) and createSchema(client)`,
    );
  }
  try {
    return readable(open(file, clientOptions));
  } catch (error) {
    const folder = dirname(file);
    const reason = existsSync(folder)
      ? error instanceof Error
        ? error.message
        : String(error)
      : `the folder ${folder} does not exist`;
    throw new SluiceError("STORAGE_UNAVAILABLE", `the SQLite file ${file} can't be opened: ${reason}`, {
      cause: error,
    });
  }
}

/** SQLite opens any file, and examines it only at the first read. */
function readable(client: OpenSqliteClient): OpenSqliteClient {
  try {
    client.exec("PRAGMA busy_timeout = 0");
    client.prepare("PRAGMA schema_version").all();
  } catch (error) {
    if (!isWorthWaiting(error)) {
      client.close();
      throw error;
    }
  }
  return client;
}

/** better-sqlite3 13 ends a Node.js 20 process when it opens a file. */
function checkUsable(module: string): void {
  if (module !== "better-sqlite3" || !process.version.startsWith("v20.")) return;
  const { version } = createRequire(import.meta.url)(`${module}/package.json`);
  if (Number.parseInt(version, 10) >= 13) throw new Error(`${module} ${version} does not run on Node.js 20`);
}

/**
 * Loads a module at run time, also in a bundle. A bundler that followed the import would look for `node:sqlite` on its own
 * Node.js. And a native module can't be bundled.
 */
async function load(module: string): Promise<Record<string, unknown>> {
  const builtIn = process.getBuiltinModule?.(module) as Record<string, unknown> | undefined;
  return builtIn ?? (await import(/* webpackIgnore: true */ /* @vite-ignore */ module));
}

async function findSqlite(): Promise<Open> {
  const failures: unknown[] = [];
  for (const [module, name] of SOURCES) {
    try {
      checkUsable(module);
      const Database = (await load(module))[name] as Constructor;
      return (file, options) => new Database(file, options);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new SluiceError(
    "PACKAGE_MISSING",
    "no SQLite package that runs here is installed: run npm install libsql, or use Node.js 22.13 or later, which includes SQLite",
    { cause: new AggregateError(failures) },
  );
}
