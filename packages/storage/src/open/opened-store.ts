import type { DecidingStore, ExportEntries, HealthCheck, ImportEntries } from "@sluice/core/store";

/**
 * A store that `openStore` opened. All of these stores decide in the database, report their health, and export and import
 * entries. Methods that only some databases need are optional.
 */
export interface OpenedStore extends DecidingStore, HealthCheck, ExportEntries, ImportEntries {
  /**
   * Creates the tables, or updates them for this release. Only stores on Postgres, SQLite and DynamoDB have this method.
   * Without the option `createSchema` a store does not open if its tables are missing, so an app rarely calls this.
   */
  createSchema?(): Promise<void>;
  /**
   * Removes up to `limit` expired entries (default 1,000). Resolves to the number removed. Only stores on Postgres and
   * SQLite have this method, because the other databases remove expired entries themselves.
   */
  sweep?(options?: { limit?: number }): Promise<number>;
  /** Closes the store, and the client that was created for it. */
  close(): Promise<void>;
}
