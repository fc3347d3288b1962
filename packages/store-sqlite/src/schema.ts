import { checkOptions, type Rule, SluiceError } from "@sluice/core/store";
import { checkClient, firstRow, type SqliteClient } from "./client.js";
import { isWorthWaiting, storeFailed, tooLate } from "./failure.js";
import { v0001Entries } from "./migrations.generated.js";
import { pause } from "./turns.js";

/** Options of {@link createSchema} and {@link schemaSql}. */
export interface SchemaOptions {
  /** The store's `table`. Default `"sluice_entries"`. */
  table?: string | undefined;
}

/** The migrations in the order in which they are applied. A released migration never changes. */
const MIGRATIONS = [v0001Entries];

/** The version of the schema that the store needs. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** The longest wait for other processes that create the schema at the same time. */
const LONGEST_WAIT_MS = 10_000;

const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS "sluice_entries_migrations" (
  version INTEGER NOT NULL PRIMARY KEY,
  applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;
`;

function step(number: number, text: string): string {
  return `${text}INSERT OR IGNORE INTO "sluice_entries_migrations" (version) VALUES (${number});\n`;
}

/**
 * Returns the SQL that {@link createSchema} runs, for teams with their own migrations. It does nothing if it has already
 * run, and may run in a transaction. It does not contain `PRAGMA journal_mode = WAL`, which the database also needs once
 * but which can't run in a transaction.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { schemaSql } from "@sluice/store-sqlite";
 *
 * console.log(schemaSql({ table: "limits" }));
 * ```
 */
export function schemaSql(options: SchemaOptions = {}): string {
  checkOptions(options, { table: TABLE }, "schemaSql");
  const steps = MIGRATIONS.map(({ text }, i) => step(i + 1, text));
  return renamer(options.table)([MIGRATIONS_TABLE, ...steps].join("\n"));
}

/**
 * Creates the table of the store or updates that of an older release, and switches the database to WAL. Does nothing if
 * both are up to date. Several processes may call it at the same time. Waits up to 10 seconds for other processes.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`; rejects with `STORE_FAILED` if the file can't
 * be written, and with `STORE_TIMEOUT` if others hold the lock all the time
 *
 * @example
 * ```ts
 * import { createSchema } from "@sluice/store-sqlite";
 * import Database from "better-sqlite3";
 *
 * await createSchema(new Database("limits.db"));
 * ```
 */
export async function createSchema(client: SqliteClient, options: SchemaOptions = {}): Promise<void> {
  checkOptions(options, { table: TABLE }, "createSchema");
  const rename = renamer(options.table);
  checkClient(client);
  const deadlineMs = performance.now() + LONGEST_WAIT_MS;
  for (let tries = 0; ; tries++) {
    try {
      return createOnce(client, rename);
    } catch (error) {
      if (!isWorthWaiting(error)) throw storeFailed(error);
      if (performance.now() > deadlineMs) throw tooLate(error);
    }
    await pause(tries);
  }
}

function createOnce(client: SqliteClient, rename: (sql: string) => string): void {
  client.exec("PRAGMA busy_timeout = 0");
  const mode = wrongJournalMode(client, "PRAGMA journal_mode = WAL");
  if (mode !== undefined) {
    throw new SluiceError("STORE_FAILED", `the SQLite database can't be switched to WAL: its journal mode is ${mode}`);
  }
  client.exec("BEGIN IMMEDIATE");
  try {
    client.exec(rename(MIGRATIONS_TABLE));
    const version = appliedVersion(client, rename);
    MIGRATIONS.forEach(({ text }, i) => {
      if (i >= version) client.exec(rename(step(i + 1, text)));
    });
    client.exec("COMMIT");
  } catch (error) {
    client.exec("ROLLBACK");
    throw error;
  }
}

const MAX_TABLE = 40;

/** The rule for the name of a table, which must be a plain identifier. */
export const TABLE: Rule = {
  is: (table) => typeof table === "string" && table.length <= MAX_TABLE && /^(?!sqlite_)[a-z_][a-z0-9_]*$/i.test(table),
  must: `be 1 to ${MAX_TABLE} letters, digits and underscores that start with neither a digit nor sqlite_`,
};

/**
 * Returns a function that rewrites SQL for the table `"sluice_entries"` to another table, and to the tables whose names
 * start with its name.
 *
 * @param table already checked by {@link TABLE}
 */
export function renamer(table = "sluice_entries"): (sql: string) => string {
  return (sql) => sql.replace(/"sluice_entries(\w*)"/g, (_, ending: string) => `"${table}${ending}"`);
}

/** The number of the last applied migration, or 0. Throws the client's error if there is no table. */
export function appliedVersion(client: SqliteClient, rename: (sql: string) => string): number {
  const sql = rename('SELECT max(version) AS version FROM "sluice_entries_migrations"');
  const { version } = firstRow(client, sql);
  if (version === undefined) throw new SluiceError("INVALID_CLIENT", "the client returns rows without their columns");
  return Number(version);
}

/** Sets the journal mode by a PRAGMA. Returns the name of the current mode if the store does not support it. */
export function wrongJournalMode(client: SqliteClient, pragma: string): string | undefined {
  const mode = String(firstRow(client, pragma).journal_mode);
  // Without WAL, readers and writers wait for each other. A database in memory has only one connection.
  return ["wal", "memory"].includes(mode) ? undefined : mode;
}
