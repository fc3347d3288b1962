import { rejectUnknown, SluiceError } from "@sluice/core/store";
import { isWorthWaiting, storeFailed, tooLate } from "./failure.js";
import { v0001Entries } from "./migrations.generated.js";
import { renamer } from "./names.js";
import { appliedVersion, wrongJournalMode } from "./readiness.js";
import { checkClient, type SqliteClient } from "./sqlite-client.js";
import { pause } from "./turns.js";

/** Options of {@link migrate} and {@link migrationSql}. */
export interface MigrationOptions {
  /** The store's `table`. Default `"sluice_entries"`. */
  table?: string | undefined;
}

/** In the order in which they are applied; what was released never changes. */
const MIGRATIONS = [v0001Entries];

/** What the store needs the database to have. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** Others that migrate at the same time are done soon. */
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
 * What {@link migrate} runs, for teams that have migrations of their own. It does nothing where it has been run before, and
 * may run in a transaction. It does not say `PRAGMA journal_mode = WAL`, which may not, and which the database needs once too.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { migrationSql } from "@sluice/store-sqlite";
 *
 * console.log(migrationSql({ table: "limits" }));
 * ```
 */
export function migrationSql(options: MigrationOptions = {}): string {
  rejectUnknown(options, ["table"], "migrationSql");
  const steps = MIGRATIONS.map(({ text }, i) => step(i + 1, text));
  return renamer(options.table)([MIGRATIONS_TABLE, ...steps].join("\n"));
}

/**
 * Makes the table of the store, or brings that of an older release up to date, and switches the database to WAL. Does
 * nothing where that is done; several processes may call it at once. Waits up to 10 seconds for others.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`; rejects with `STORE_FAILED` when the file can't be
 * written, and with `STORE_TIMEOUT` when others hold the lock all the time
 *
 * @example
 * ```ts
 * import { migrate } from "@sluice/store-sqlite";
 * import Database from "better-sqlite3";
 *
 * await migrate(new Database("limits.db"));
 * ```
 */
export async function migrate(client: SqliteClient, options: MigrationOptions = {}): Promise<void> {
  rejectUnknown(options, ["table"], "migrate");
  const rename = renamer(options.table);
  checkClient(client);
  const deadlineMs = performance.now() + LONGEST_WAIT_MS;
  for (let tries = 0; ; tries++) {
    try {
      return migrateOnce(client, rename);
    } catch (error) {
      if (!isWorthWaiting(error)) throw storeFailed(error);
      if (performance.now() > deadlineMs) throw tooLate(error);
    }
    await pause(tries);
  }
}

function migrateOnce(client: SqliteClient, rename: (sql: string) => string): void {
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
