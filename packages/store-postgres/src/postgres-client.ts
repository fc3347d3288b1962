/** A statement as `pg` takes it. */
export interface PgQuery {
  name?: string;
  text: string;
  values?: (string | null)[];
  rowMode: "array";
  types?: { getTypeParser(): (value: string) => string };
}

/** What the store needs of a `Client` of the package `pg`, version 8. */
export interface PgClient {
  query(query: PgQuery): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** A connection that a pool of `pg` lends. */
export interface PgPoolClient extends PgClient {
  release(destroy?: boolean): void;
}

/** What the store needs of a `Pool` of the package `pg`, version 8. */
export interface PgPool {
  connect(): Promise<PgPoolClient>;
  readonly totalCount: number;
  readonly idleCount?: number | undefined;
  readonly options?: { readonly max?: number | undefined };
}

/** A query of the package `postgres`. */
interface PostgresJsQuery {
  raw(): Promise<unknown>;
  simple(): Promise<unknown>;
}

/** What the store needs of a client of the package `postgres`, version 3, or of `SQL` of Bun. */
export interface PostgresJsClient {
  unsafe(text: string, values?: (string | null)[], options?: { prepare?: boolean }): PostgresJsQuery;
  begin: unknown;
  readonly options?: { readonly max?: number | undefined };
}

/**
 * A Postgres client: a `Pool` or a connected `Client` of `pg`, a client of `postgres`, or `SQL` of Bun. The store sends
 * statements on it and never closes it.
 */
export type PostgresClient = PgPool | PgClient | PostgresJsClient;

/** A statement that returns one row with one text. */
export interface Statement {
  /** Unique for the text. */
  readonly name: string;
  readonly text: string;
}

/** One connection, lent to one caller at a time. */
export interface Connection {
  run(statement: Statement, values: readonly (string | null)[]): Promise<string>;
  /** Runs a text without values that returns nothing. */
  runScript(text: string): Promise<void>;
  /**
   * Notes that the server at the other end can't write. Returns whether the connection ends for that, so that the next one
   * may reach another server.
   */
  endReadOnly(): boolean;
}

/** All clients as one. */
export interface Database {
  /**
   * Lends a connection as soon as one is free. Rejects with a `SluiceError`, whatever `use` or the client rejects with:
   * with `STORE_TIMEOUT` when no connection was free, or no answer came, by `deadlineMs`.
   */
  connected<T>(use: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** The most connections at once. */
  readonly connections: number;
  /** The last error of a connection since the server answered. */
  connectionError(): unknown;
}
