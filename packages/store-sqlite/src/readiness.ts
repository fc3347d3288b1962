import { SluiceError } from "@sluice/core/store";
import { firstRow, type SqliteClient } from "./sqlite-client.js";

/** The number of the last migration that was applied, 0 for none. Throws as the client does where there is no table. */
export function appliedVersion(client: SqliteClient, rename: (sql: string) => string): number {
  const sql = rename('SELECT max(version) AS version FROM "sluice_entries_migrations"');
  const { version } = firstRow(client, sql);
  if (version === undefined) throw new SluiceError("INVALID_CLIENT", "the client returns rows without their columns");
  return Number(version);
}

/** Asks for the journal mode by a PRAGMA; returns its name if it is none that the store works with. */
export function wrongJournalMode(client: SqliteClient, pragma: string): string | undefined {
  const mode = String(firstRow(client, pragma).journal_mode);
  // Without WAL readers and writers wait for each other. What is in memory alone is nobody else's.
  return ["wal", "memory"].includes(mode) ? undefined : mode;
}
