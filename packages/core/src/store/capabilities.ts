import type { CallOptions, DecidingStore, Store } from "./store.js";

/** A store that can say whether it is reachable. */
export interface HealthCheck {
  /** Resolves when the store answered; rejects with a `SluiceError` when it did not. */
  healthCheck(options?: CallOptions): Promise<void>;
}

/** A store that knows why its connection fails, as when the server refuses it. */
export interface ConnectionErrors {
  /**
   * The last error of the connection that the client reported since the store answered; `undefined` if there is none.
   */
  connectionError(): unknown;
}

/** One stored state, as it can be moved to another store. */
export interface ExportedEntry {
  readonly key: string;
  /**
   * Set where the store knows the key only by a digest, as databases do of long and odd ones: see {@link storedKeys}. The
   * user's part of `key`, or all of it, is then `#` and 64 hexadecimal digits.
   */
  readonly digested?: true;
  /** As `atomicUpdate` would see it. Times in it are those of the store's clock. */
  readonly state: unknown;
  /** When it goes, in milliseconds since 1970 by the store's clock. */
  readonly expiresAtMs: number;
}

/** A store that can list its entries. */
export interface ExportEntries {
  /**
   * All live entries, in no order, a page at a time: memory stays bounded whatever their number. Entries that change
   * while it runs are seen before or after the change, and perhaps both; all others once. Entries for the store's
   * housekeeping are not listed. Rejects with a `SluiceError` as the other methods do.
   */
  exportEntries(): AsyncIterable<ExportedEntry>;
}

/** A store that imports the entries that another one listed. */
export interface ImportEntries {
  /**
   * Writes each entry under a key that has no live state, to live until its `expiresAtMs` by this store's clock, and
   * resolves to the entries that it did not write because there was some. Expired entries are neither written nor among
   * those. Each entry is written atomically; all of them together are not, but calling again is safe. Of several
   * entries with one key the first counts. If an entry is digested and the store looks keys up in plain text, rejects
   * with `DIGESTED_KEY`, having written nothing.
   */
  importEntries(entries: readonly ExportedEntry[]): Promise<readonly ExportedEntry[]>;
}

/** The optional methods of a {@link Store}, by the name of a method. */
export interface Capabilities {
  decide: DecidingStore;
  healthCheck: HealthCheck;
  connectionError: ConnectionErrors;
  exportEntries: ExportEntries;
  importEntries: ImportEntries;
}

/** Returns whether a store has a method that not all stores have. */
export function can<Method extends keyof Capabilities>(
  store: Store,
  method: Method,
): store is Store & Capabilities[Method] {
  return typeof (store as Store & Partial<Record<Method, unknown>>)[method] === "function";
}
