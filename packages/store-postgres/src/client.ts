import { SluiceError } from "@sluice/core/store";

/** A statement in the form that `pg` accepts. */
export interface PgQuery {
  name?: string;
  text: string;
  values?: (string | null)[];
  rowMode: "array";
  types?: { getTypeParser(): (value: string) => string };
}

/** The parts of a `Client` of the package `pg`, version 8, that the store uses. */
export interface PgClient {
  query(query: PgQuery): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** A connection of a pool of `pg`. */
export interface PgPoolClient extends PgClient {
  release(destroy?: boolean): void;
}

/** The parts of a `Pool` of the package `pg`, version 8, that the store uses. */
export interface PgPool {
  connect(): Promise<PgPoolClient>;
  readonly totalCount: number;
  readonly idleCount?: number | undefined;
  readonly options?: { readonly max?: number | undefined };
}

/** A query of the package `postgres`. */
export interface PostgresJsQuery {
  raw(): Promise<unknown>;
  simple(): Promise<unknown>;
}

/** The parts of a client of the package `postgres`, version 3, or of Bun's `SQL` that the store uses. */
export interface PostgresJsClient {
  unsafe(text: string, values?: (string | null)[], options?: { prepare?: boolean }): PostgresJsQuery;
  begin: unknown;
  readonly options?: { readonly max?: number | undefined };
}

/**
 * A Postgres client: a `Pool` or a connected `Client` of `pg`, a client of `postgres`, or Bun's `SQL`. The store sends
 * statements through it and never closes it.
 */
export type PostgresClient = PgPool | PgClient | PostgresJsClient;

/** A statement that returns one row with one text. */
export interface Statement {
  /** Unique for each text. */
  readonly name: string;
  readonly text: string;
}

/** One connection, used by one caller at a time. */
export interface Connection {
  run(statement: Statement, values: readonly (string | null)[]): Promise<string>;
  /** Runs a script without parameters or results. */
  runScript(text: string): Promise<void>;
  /**
   * Records that the connected server can't write. Returns whether the connection will be closed because of that, so that
   * the next connection may reach another server.
   */
  endReadOnly(): boolean;
}

/** The common interface of all clients. */
export interface Database {
  /**
   * Passes a connection to `use` when one is free. Rejects with a `SluiceError` for any failure of `use` or of the client.
   * Rejects with `STORE_TIMEOUT` if no connection was free, or no answer arrived, by `deadlineMs`.
   */
  connected<T>(use: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** The maximum number of connections. */
  readonly connections: number;
  /** The last error of a connection since the last reply of the server. */
  connectionError(): unknown;
}

/** Values that are often passed instead of a client: how to detect them, what they are, and the fix. */
const MISTAKES: readonly (readonly [matches: (value: object) => boolean, what: string, fix: string])[] = [
  [(value) => isClass(value), "a class", 'create an instance, such as new Pool({ connectionString: "postgres://…" })'],
  [(value) => hasAll(value, "Pool", "Client"), "the module pg", "create a pool: new pg.Pool(…)"],
  [(value) => hasAll(value, "camel", "PostgresError"), "the module postgres", 'call it: postgres("postgres://…")'],
  [
    (value) => hasAll(value, "$client"),
    "an instance of Drizzle",
    "pass the client that it was created from: its $client",
  ],
  [(value) => hasAll(value, "$pool"), "a database of pg-promise", "pass its pool: its $pool"],
  [(value) => hasAll(value, "$queryRaw"), "a client of Prisma", "create a Pool of pg for the store"],
  [(value) => hasAll(value, "raw", "schema"), "an instance of Knex", "create a Pool of pg for the store"],
  [(value) => hasAll(value, "selectFrom"), "an instance of Kysely", "pass the Pool that its dialect was created with"],
  [(value) => isOfAnotherDatabase(value), "a connection to another database", "create a Pool of pg"],
  [
    (value) => hasAll(value, "query", "transaction"),
    "not a client of pg or postgres",
    "create a Pool of pg for the store",
  ],
];

/** Returns whether a value looks like a `Client` of pg, but is a connection of mysql, mysql2, mariadb or mssql. */
export function isOfAnotherDatabase(value: object): boolean {
  return hasAll(value, "query", "escapeId") || hasAll(value, "query", "request");
}

/** The error for a value that is not a client. Names the fix. */
export function invalidClient(value: unknown): SluiceError {
  const [what, fix] = mistake(value);
  return new SluiceError(
    "INVALID_CLIENT",
    `option "client" must be a Pool or a connected Client of pg, a client that postgres() returned, or SQL of Bun; got ` +
      `${what}. To fix it, ${fix}`,
  );
}

function mistake(value: unknown): readonly [what: string, fix: string] {
  if (typeof value === "string") return ["a string", "create a pool: new Pool({ connectionString })"];
  if (value === null || (typeof value !== "object" && typeof value !== "function")) {
    return [String(value), "create a Pool of pg and pass it"];
  }
  const known = MISTAKES.find(([matches]) => matches(value));
  if (known !== undefined) return [known[1], known[2]];
  const name: unknown = value.constructor?.name;
  return [
    typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object",
    "create a Pool of pg and pass it",
  ];
}

function hasAll(value: object, ...names: string[]): boolean {
  return names.every((name) => name in value);
}

function isClass(value: object): boolean {
  if (typeof value !== "function") return false;
  const prototype: unknown = value.prototype;
  return typeof prototype === "object" && prototype !== null && ("query" in prototype || "connect" in prototype);
}
