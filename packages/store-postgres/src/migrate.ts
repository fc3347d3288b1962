import { invalidOption, rejectUnknown } from "@sluice/core/store";
import { databaseOf } from "./database.js";
import { hasNotRun, wasLocked } from "./failure.js";
import { migrations } from "./migrations.generated.js";
import { type NameOptions, renamer } from "./names.js";
import type { Database, PostgresClient } from "./postgres-client.js";
import { rightsSql } from "./rights.js";

/** Options of {@link migrate} and {@link migrationSql}. */
export interface MigrationOptions extends NameOptions {
  /** The store's `table`. Default `"sluice_entries"`. */
  table?: string | undefined;
  /** The store's `schema`, created if it is missing. Default `"sluice"`. */
  schema?: string | undefined;
  /**
   * True for a table that survives a crash of the server, false for one that is emptied by it and writes no WAL, which is
   * some twice as fast. Default: a new table is not durable, and one that exists stays as it is.
   */
  durable?: boolean | undefined;
}

/** Other processes that migrate at the same time, and transactions that use the table, can undo a try. */
const MAX_TRIES = 10;

/** The migrations in order, each with the version that its name begins with. */
const VERSIONED = migrations.map(({ name, text }) => ({ version: Number(name.slice(1, 5)), text }));

/**
 * What {@link migrate} runs, for teams that have migrations of their own. One statement, which does nothing where it has
 * been run before.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { migrationSql } from "@sluice/store-postgres";
 *
 * console.log(migrationSql({ schema: "limits", durable: true }));
 * ```
 */
export function migrationSql(options: MigrationOptions = {}): string {
  rejectUnknown(options, ["table", "schema", "durable"], "migrationSql");
  checkDurable(options.durable);
  const rename = renamer(options);
  const steps = VERSIONED.map(
    ({ version, text }) => `  IF NOT EXISTS (SELECT FROM "sluice"."entries_migrations" WHERE version = ${version}) THEN
${text.trim()}
    INSERT INTO "sluice"."entries_migrations" (version) VALUES (${version}) ON CONFLICT DO NOTHING;
    migrated := true;
  END IF;
`,
  );
  return rename(`DO $sluice$
DECLARE
  lock_timeout_before CONSTANT text := current_setting('lock_timeout');
  is_new CONSTANT boolean := to_regclass('"sluice"."entries"') IS NULL;
  functions_before oid[];
  migrated boolean := false;
  item record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('sluice migration of "sluice"."entries"', 0));
  -- A change of the table that waits makes every decision wait behind it.
  PERFORM set_config('lock_timeout', '2s', true);
  IF to_regnamespace('"sluice"') IS NULL THEN
    CREATE SCHEMA "sluice";
  END IF;
  IF to_regclass('"sluice"."entries_migrations"') IS NULL THEN
    CREATE TABLE "sluice"."entries_migrations" (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
  END IF;
  -- Dropped or not restored, so all of it has to be created again.
  IF to_regclass('"sluice"."entries"') IS NULL THEN
    DELETE FROM "sluice"."entries_migrations";
  END IF;
  functions_before := ARRAY(SELECT oid FROM pg_proc WHERE pronamespace = to_regnamespace('"sluice"'));
${steps.join("")}${rightsSql(options)}${persistence(options.durable)}  PERFORM set_config('lock_timeout', lock_timeout_before, true);
END
$sluice$;
`);
}

/** @throws SluiceError `INVALID_OPTION` */
export function checkDurable(durable: unknown): void {
  if (durable !== undefined && typeof durable !== "boolean") {
    throw invalidOption("durable", durable, "pass true or false, or leave it out");
  }
}

function persistence(durable: boolean | undefined): string {
  if (durable === undefined) return "";
  return `  IF (SELECT relpersistence FROM pg_class WHERE oid = '"sluice"."entries"'::regclass) <> '${durable ? "p" : "u"}' THEN
    ALTER TABLE "sluice"."entries" SET ${durable ? "LOGGED" : "UNLOGGED"};
  END IF;
`;
}

/**
 * Creates the table and the functions of the store, or updates those of an older release. Does nothing if that is done;
 * several processes may call it at once. It needs the right to create objects in the schema, and to own the table if there
 * is one. The store itself does not: docs/postgres.md says how to grant the rights that it needs to another role.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `STORE_FAILED`, `STORE_NOT_READY`
 *
 * @example
 * ```ts
 * import { migrate } from "@sluice/store-postgres";
 * import { Pool } from "pg";
 *
 * const pool = new Pool({ connectionString: "postgres://localhost/app" });
 * await migrate(pool);
 * ```
 */
export async function migrate(client: PostgresClient, options: MigrationOptions = {}): Promise<void> {
  await migrateOn(databaseOf(client, false), options);
}

export async function migrateOn(database: Database, options: MigrationOptions): Promise<void> {
  const sql = migrationSql(options);
  await database.connected(async (connection) => {
    for (let tries = 1; ; tries++) {
      try {
        return await connection.runScript(sql);
      } catch (error) {
        if (!(hasNotRun(error) || wasLocked(error)) || tries === MAX_TRIES) throw error;
      }
    }
  }, Number.POSITIVE_INFINITY);
}
