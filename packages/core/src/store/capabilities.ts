import type { CallOptions, DecidingStore, Store } from "./store.js";

/** A store that can check whether it is reachable. */
export interface HealthCheck {
  /** Resolves if the store answered. Rejects with a `SluiceError` if it did not. */
  healthCheck(options?: CallOptions): Promise<void>;
}

/** A store that knows why its connection fails, for example because the server rejects it. */
export interface ConnectionErrors {
  /**
   * The last connection error that the client reported since the store last answered. `undefined` if there is none.
   */
  connectionError(): unknown;
}

/** One stored state in the form in which it moves to another store. */
export interface ExportedEntry {
  readonly key: string;
  /**
   * Set if the store knows the key only by a digest, as databases do for long and unusual keys: see {@link storedKeys}. The
   * user's part of `key`, or all of it, is then `#` and 64 hexadecimal digits.
   */
  readonly digested?: true;
  /** The state as `atomicUpdate` reads it. Times in it are by the store's clock. */
  readonly state: unknown;
  /** When the entry expires, in milliseconds since 1970 by the store's clock. */
  readonly expiresAtMs: number;
}

/** A store that can list its entries. */
export interface ExportEntries {
  /**
   * All live entries in any order, read page by page so that memory stays bounded. An entry that changes meanwhile is
   * listed before or after the change, or both. All other entries are listed once. The store's own entries for housekeeping
   * are not listed. Rejects with a `SluiceError`, like the other methods.
   */
  exportEntries(): AsyncIterable<ExportedEntry>;
}

/** A store that can import entries of another store. */
export interface ImportEntries {
  /**
   * Writes each entry whose key has no live state. The entry lives until its `expiresAtMs` by this store's clock. Resolves
   * to the entries that were not written because their keys had live state. Ignores expired entries. If several entries
   * have one key, the first is written. Each entry is written atomically. The call as a whole is not atomic, but repeating
   * it is safe. If an entry is digested and the store looks keys up in plain text, rejects with `DIGESTED_KEY` and writes
   * nothing.
   */
  importEntries(entries: readonly ExportedEntry[]): Promise<readonly ExportedEntry[]>;
}

/** The optional capabilities of a {@link Store}, each by the name of its method. */
export interface Capabilities {
  decide: DecidingStore;
  healthCheck: HealthCheck;
  connectionError: ConnectionErrors;
  exportEntries: ExportEntries;
  importEntries: ImportEntries;
}

/** Returns whether a store has an optional method. */
export function can<Method extends keyof Capabilities>(
  store: Store,
  method: Method,
): store is Store & Capabilities[Method] {
  return typeof (store as Store & Partial<Record<Method, unknown>>)[method] === "function";
}
