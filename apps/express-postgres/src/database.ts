import { startPostgres } from "@sluice/servers";
import { createSchema } from "@sluice/store-postgres";
import { Pool } from "pg";

/** A pool for a database that has the store's table, and a function that closes both. */
export interface Database {
  readonly pool: Pool;
  /** The location of the database, as text for people. */
  readonly where: string;
  stop(): Promise<void>;
}

/** Opens the database at `DATABASE_URL`. Without it, a PostgreSQL is started that runs until this process ends. */
export async function openDatabase(table: string): Promise<Database> {
  const { DATABASE_URL } = process.env;
  const own = DATABASE_URL === undefined ? await startPostgres() : undefined;
  const pool = new Pool({
    connectionString: own?.url ?? DATABASE_URL,
    connectionTimeoutMillis: 2_000,
    keepAlive: true,
  });
  const stop = async (): Promise<void> => {
    await pool.end();
    await own?.stop();
  };
  try {
    await createSchema(pool, { table });
  } catch (error) {
    await stop();
    throw error;
  }
  return { pool, where: own === undefined ? "the database at DATABASE_URL" : "its own PostgreSQL", stop };
}
