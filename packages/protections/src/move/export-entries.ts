import { SluiceError, type Store } from "@sluice/core";
import { canExport, type ExportEntries, type ExportedEntry } from "@sluice/core/store";

/**
 * All that a store holds: limits, blocks, clients and debounce windows. Memory stays bounded, whatever their number.
 *
 * @throws SluiceError `NOT_LISTABLE` for a store that can't list what it holds
 *
 * @example
 * ```ts
 * import { exportEntries } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * for await (const { key, expiresAtMs } of exportEntries(memoryStore())) console.log(key, new Date(expiresAtMs));
 * ```
 */
export function exportEntries(store: Store): AsyncIterable<ExportedEntry> {
  return listable(store, "the store").exportEntries();
}

/** @throws SluiceError `NOT_LISTABLE` */
export function listable(store: Store, what: string): Store & ExportEntries {
  if (canExport(store)) return store;
  throw new SluiceError(
    "NOT_LISTABLE",
    `${what} has no exportEntries, so that nobody knows what it holds: all stores of Sluice have it`,
  );
}
