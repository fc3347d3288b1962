import { type PostgresServer, startPostgres, systemPostgres } from "@sluice/servers";
import pg from "pg";
import { afterAll, describe, it } from "vitest";
import { createSchema, type SchemaOptions } from "../src/index.js";

/** A server with the store's table. */
export interface TestDatabase {
  readonly server: PostgresServer;
  /** A pool for the tests' own queries. */
  readonly admin: pg.Pool;
}

/** A pool that is closed with the test file. Its errors are ignored if the server stops first. */
export function openPool(server: PostgresServer, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url, ...config });
  pool.on("error", () => {});
  pools.push(pool);
  return pool;
}

const pools: pg.Pool[] = [];

/** Options of {@link startDatabase}. */
export interface DatabaseOptions {
  readonly migration?: SchemaOptions;
  readonly settings?: Record<string, string>;
  readonly binaries?: string;
}

/** Starts a server for a test file, and creates the schema. Call it at the top of the file. */
export async function startDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const { migration, settings, binaries } = options;
  const server = await startPostgres({
    ...(binaries !== undefined && { binaries }),
    settings: { max_connections: "200", ...settings },
  });
  const admin = openPool(server, { max: 5, options: "-c search_path=sluice" });
  afterAll(async () => {
    await Promise.all(pools.filter((pool) => !pool.ending).map((pool) => pool.end()));
    await server.stop();
  });
  await createSchema(admin, migration);
  return { server, admin };
}

/** Starts the server that npm installs, and this machine's server, which is `undefined` if there is none. */
export async function startDatabases(
  options: DatabaseOptions = {},
): Promise<Readonly<Record<string, TestDatabase | undefined>>> {
  const binaries = systemPostgres();
  return {
    "PostgreSQL 18": await startDatabase(options),
    "this machine's PostgreSQL": binaries === undefined ? undefined : await startDatabase({ ...options, binaries }),
  };
}

/** Defines tests for each of the databases. A missing database is shown as a skipped test. */
export function describeDatabases(
  databases: Readonly<Record<string, TestDatabase | undefined>>,
  define: (database: TestDatabase, name: string) => void,
): void {
  for (const [name, database] of Object.entries(databases)) {
    describe(name, () => {
      if (database === undefined) it.skip("all of it (skipped: none is installed)", () => {});
      else define(database, name);
    });
  }
}
