import { SluiceError } from "@sluice/core";
import { storeFailed } from "./failure.js";
import { endsConnection } from "./sql-state.js";

/** A statement as `pg` takes it. */
export interface PgQuery {
  name?: string;
  text: string;
  values?: (string | null)[];
  rowMode: "array";
}

/** What the store needs of a `Client` of the package `pg`, version 8. */
export interface PgClient {
  query(query: PgQuery): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** What the store needs of a `Pool` of the package `pg`, version 8. */
export interface PgPool {
  connect(): Promise<PgClient & { release(destroy?: boolean): void }>;
  readonly totalCount: number;
  readonly options?: { readonly max?: number | undefined };
}

/** A query of the package `postgres`. */
interface PostgresJsQuery {
  values(): Promise<unknown>;
  simple(): Promise<unknown>;
}

/** What the store needs of a client of the package `postgres`, version 3. */
export interface PostgresJsClient {
  unsafe(text: string, values?: (string | null)[], options?: { prepare?: boolean }): PostgresJsQuery;
  begin: unknown;
  readonly options?: { readonly max?: number };
}

/**
 * A Postgres client: a `Pool` or a connected `Client` of `pg`, or a client of `postgres`. The store sends statements on it
 * and never closes it.
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
}

/** All clients as one. */
export interface Database {
  /** Lends a connection, as soon as one is free. Rejects with a `SluiceError`, whatever `use` or the client rejects with. */
  connected<T>(use: (connection: Connection) => Promise<T>): Promise<T>;
  /** The most connections at once. */
  readonly connections: number;
}

/** @throws SluiceError `INVALID_CLIENT` */
export function databaseOf(client: PostgresClient, namedStatements: boolean): Database {
  const { connections, connected } = lenderOf(client, namedStatements);
  return {
    connections,
    async connected(use) {
      try {
        return await connected(use);
      } catch (error) {
        throw storeFailed(error);
      }
    },
  };
}

function lenderOf(client: PostgresClient, namedStatements: boolean): Database {
  if (has(client, "unsafe") && has(client, "begin")) return ofPostgresJs(client as PostgresJsClient, namedStatements);
  if (has(client, "connect") && has(client, "query")) {
    if ("totalCount" in client) return ofPool(client, namedStatements);
    if (has(client, "on")) return ofClient(client as PgClient, namedStatements);
  }
  throw new SluiceError(
    "INVALID_CLIENT",
    'option "client" is not a Postgres client: give a Pool or a connected Client of pg, or what postgres() returns',
  );
}

function ofPool(pool: PgPool, named: boolean): Database {
  return {
    connections: pool.options?.max ?? 1,
    async connected(use) {
      const client = await pool.connect();
      let broken = false;
      const breaks = (): void => {
        broken = true;
      };
      // Without a listener a connection that breaks would end the process.
      client.on("error", breaks);
      try {
        return await use(watched(ofPg(client, named), breaks));
      } finally {
        client.removeListener("error", breaks);
        client.release(broken);
      }
    },
  };
}

function ofClient(client: PgClient, named: boolean): Database {
  const connection = ofPg(client, named);
  let last: Promise<unknown> = Promise.resolve();
  return {
    connections: 1,
    connected(use) {
      const result = last.then(() => use(connection));
      last = result.catch(() => {});
      return result;
    },
  };
}

function ofPg(client: PgClient, named: boolean): Connection {
  const query = async (query: PgQuery) => (await client.query(query)) as { rows: string[][] };
  return {
    async run({ name, text }, values) {
      const { rows } = await query({ ...(named && { name }), text, values: [...values], rowMode: "array" });
      return rows[0]?.[0] as string;
    },
    async runScript(text) {
      await query({ text, rowMode: "array" });
    },
  };
}

function ofPostgresJs(client: PostgresJsClient, named: boolean): Database {
  // The library deals statements out to its connections itself; those that it lends by reserve() hang in some cases.
  const connection: Connection = {
    async run({ text }, values) {
      const rows = (await client.unsafe(text, [...values], { prepare: named }).values()) as string[][];
      return rows[0]?.[0] as string;
    },
    async runScript(text) {
      await client.unsafe(text).simple();
    },
  };
  return { connections: client.options?.max ?? 1, connected: (use) => use(connection) };
}

/** The connection, with a call of `breaks` when it ends. */
function watched(connection: Connection, breaks: () => void): Connection {
  const watch = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (endsConnection(error)) breaks();
      throw error;
    }
  };
  return {
    run: (statement, values) => watch(connection.run(statement, values)),
    runScript: (text) => watch(connection.runScript(text)),
  };
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === "function";
}
