import type { Store } from "./store.js";

/** A store that can say whether it is reachable. */
export interface HealthCheck {
  /** Resolves when the store answered; rejects with a `SluiceError` when it did not. */
  healthCheck(): Promise<void>;
}

/** One stored state, as it can be moved to another store. */
export interface ExportedEntry {
  readonly key: string;
  readonly state: unknown;
  /** When it goes, in milliseconds since 1970 by the store's clock. */
  readonly expiresAtMs: number;
}

/** A store that can list what it holds. */
export interface ExportEntries {
  /** All live entries, in no order. Entries that change while it runs may be seen before or after the change. */
  exportEntries(): AsyncIterable<ExportedEntry>;
}

/** Whether a store can say that it is reachable. */
export function hasHealthCheck(store: Store): store is Store & HealthCheck {
  return typeof (store as Partial<HealthCheck>).healthCheck === "function";
}

/** Whether a store can list what it holds. */
export function canExport(store: Store): store is Store & ExportEntries {
  return typeof (store as Partial<ExportEntries>).exportEntries === "function";
}
