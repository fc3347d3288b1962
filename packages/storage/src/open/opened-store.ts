import type { DecidingStore, ExportEntries, HealthCheck, ImportEntries } from "@sluice/core/store";

/**
 * A store that `openStore` opened. Every one of them decides where the data lives, reports its health, and exports and imports
 * its entries. What only some databases need is optional.
 */
export interface OpenedStore extends DecidingStore, HealthCheck, ExportEntries, ImportEntries {
  /**
   * Creates the tables, or changes them to what this release needs. Stores on Postgres, SQLite and DynamoDB have it. A store
   * does not open without its tables, unless with the option `createSchema`, so an app rarely calls this.
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
