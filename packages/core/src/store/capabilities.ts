import type { Store } from "./store.js";

/** A store that can say whether it is reachable. */
export interface HealthCheck {
  /** Resolves when the store answered; rejects with a `SluiceError` when it did not. */
  healthCheck(): Promise<void>;
}

/** One stored state, as it can be moved to another store. */
export interface ExportedEntry {
  readonly key: string;
  /**
   * Set where the store knows the user's key only by a digest, as it does of long and odd ones: the user's part of `key`
   * is then `#` and 64 hexadecimal digits of the SHA-256 of its UTF-16 code units, low bytes first.
   */
  readonly digested?: true;
  readonly state: unknown;
  /** When it goes, in milliseconds since 1970 by the store's clock. */
  readonly expiresAtMs: number;
}

/** A store that can list what it holds. */
export interface ExportEntries {
  /** All live entries, in no order. Entries that change while it runs may be seen before or after the change. */
  exportEntries(): AsyncIterable<ExportedEntry>;
}

/** A store that takes in what another one listed. */
export interface ImportEntries {
  /**
   * Writes each entry under a key that has no live state, and resolves to those that it left alone because there was
   * some. Each entry is written atomically; all of them together are not. Rejects with `DIGESTED_KEY` for a digested
   * key that it can't look up by the key itself.
   */
  importEntries(entries: readonly ExportedEntry[]): Promise<readonly ExportedEntry[]>;
}

/** Whether a store can say that it is reachable. */
export function hasHealthCheck(store: Store): store is Store & HealthCheck {
  return typeof (store as Partial<HealthCheck>).healthCheck === "function";
}

/** Whether a store can list what it holds. */
export function canExport(store: Store): store is Store & ExportEntries {
  return typeof (store as Partial<ExportEntries>).exportEntries === "function";
}

/** Whether a store has a way of its own to take entries in. */
export function canImport(store: Store): store is Store & ImportEntries {
  return typeof (store as Partial<ImportEntries>).importEntries === "function";
}
