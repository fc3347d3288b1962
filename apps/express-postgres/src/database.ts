import { startPostgres } from "@sluice/servers";
import { createSchema } from "@sluice/store-postgres";
import { Pool } from "pg";

/** A pool on a database with the store's table, and how to let go of both. */
export interface Database {
  readonly pool: Pool;
  /** The place of the database, for people to read. */
  readonly where: string;
  stop(): Promise<void>;
}

/** The database at `DATABASE_URL`, or a PostgreSQL that is started for as long as this process lasts. */
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
  return { pool, where: own === undefined ? "the database of DATABASE_URL" : "its own PostgreSQL", stop };
}
