import { type PostgresServer, startPostgres, systemPostgres } from "@sluice/servers";
import pg from "pg";
import { afterAll, describe, it } from "vitest";
import { createSchema, type SchemaOptions } from "../src/index.js";

/** A server with the store's table. */
export interface TestDatabase {
  readonly server: PostgresServer;
  /** For the tests' own questions. */
  readonly admin: pg.Pool;
}

/** A pool that ends with the test file, and does not end the tests when its server goes first. */
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

/** Starts a server for a test file, and migrates. Call it at the top of the file. */
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

/** Starts the server that npm installs, and this machine's; `undefined` if there is none. */
export async function startDatabases(
  options: DatabaseOptions = {},
): Promise<Readonly<Record<string, TestDatabase | undefined>>> {
  const binaries = systemPostgres();
  return {
    "PostgreSQL 18": await startDatabase(options),
    "this machine's PostgreSQL": binaries === undefined ? undefined : await startDatabase({ ...options, binaries }),
  };
}

/** Defines tests for each of the databases, or shows that one is missing. */
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
