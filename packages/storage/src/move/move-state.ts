import {
  can,
  checkOptions,
  type ExportEntries,
  type ExportedEntry,
  invalidOption,
  SluiceError,
  type Store,
} from "@sluice/core/store";
import { clockOffset } from "./clock-offset.js";
import { IMPORT_RULES, type ImportOptions, importShifted, type MoveSummary } from "./import-entries.js";

/**
 * Copies everything in one store to another: limits, blocks, clients and debounce windows, each with the rest of its life.
 * Nothing is removed from the first store. If the second store already has an entry, the two are merged, and the result is
 * at least as strict as either. So a move may run while both stores are in use, and may be repeated after an interruption.
 *
 * A limiter may be switched from one store to the other at any time. For each key and policy it then admits at most what
 * the policy allows, plus what the target had admitted before the entry arrived: at most the limit once more. See
 * docs/moving.md.
 *
 * @throws SluiceError `NOT_LISTABLE`, `INVALID_OPTION`, `UNKNOWN_OPTION`, and the errors of the stores
 *
 * @example
 * ```ts
 * import { moveState, openStore } from "@sluice/storage";
 *
 * const [from, to] = await Promise.all([openStore("redis://127.0.0.1:6379"), openStore("postgres://127.0.0.1/app")]);
 * const { written } = await moveState(from, to, { onProgress: ({ read }) => console.log(`${read} entries so far`) });
 * console.log(`${written} are new`);
 * await Promise.all([from.close(), to.close()]);
 * ```
 */
export async function moveState(from: Store, to: Store, options: ImportOptions = {}): Promise<MoveSummary> {
  checkOptions(options, IMPORT_RULES, "moveState");
  if (from === to) throw invalidOption("to", to, "differ from the store to move from");
  const source = listable(from, "the store to move from");
  return importShifted(to, source.exportEntries(), await clockOffset(from, to), options);
}

/**
 * Lists everything in a store: limits, blocks, clients and debounce windows. Memory stays bounded, however many there are.
 *
 * @throws SluiceError `NOT_LISTABLE` for a store that can't list its entries
 *
 * @example
 * ```ts
 * import { exportEntries } from "@sluice/storage";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * for await (const { key, expiresAtMs } of exportEntries(memoryStore())) console.log(key, new Date(expiresAtMs));
 * ```
 */
export function exportEntries(store: Store): AsyncIterable<ExportedEntry> {
  return listable(store, "the store").exportEntries();
}

/** @throws SluiceError `NOT_LISTABLE` */
function listable(store: Store, what: string): Store & ExportEntries {
  if (can(store, "exportEntries")) return store;
  throw new SluiceError(
    "NOT_LISTABLE",
    `${what} has no exportEntries, so its entries can't be listed; all stores of Sluice have it`,
  );
}
