import type { DecidingStore, ExportEntries, HealthCheck, ImportEntries } from "@sluice/core/store";

/**
 * A store that `openStore` opened. All of them decide in the database, report their health, and export and import
 * entries. Methods that only some databases need are optional.
 */
export interface OpenedStore extends DecidingStore, HealthCheck, ExportEntries, ImportEntries {
  /**
   * Creates the tables, or updates them for this release. Stores on Postgres, SQLite and DynamoDB have it. A store does
   * not open without its tables, unless with the option `createSchema`, so an app rarely calls this.
   */
  createSchema?(): Promise<void>;
  /**
   * Removes up to `limit` expired entries, by default 1,000, and resolves to their number. Stores on Postgres and SQLite have
   * it; the other databases remove expired entries themselves.
   */
  sweep?(options?: { limit?: number }): Promise<number>;
  /** Closes the store, and the client that was created for it. */
  close(): Promise<void>;
}
