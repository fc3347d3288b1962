import type { Store } from "@sluice/core";
import { invalidOption, rejectUnknown } from "@sluice/core/store";
import { clockOffset } from "./clock-offset.js";
import { listable } from "./export-entries.js";
import { IMPORT_OPTIONS, type ImportOptions, importShifted, type MoveSummary } from "./import-entries.js";

/**
 * Moves all that one store holds into another: limits, blocks, clients and debounce windows, each with the rest of its
 * life. Nothing is removed from where it was. What is there already is merged to what is at least as strict as either, so
 * that a move may be made while both stores are used, and made again after it was broken off.
 *
 * A limiter that is switched from one store to the other at any time admits, of each key and policy, at most what the
 * policy allows and what the target had admitted before the entry came: at most the limit once more. See docs/moving.md.
 *
 * @throws SluiceError `NOT_LISTABLE`, `INVALID_OPTION`, `UNKNOWN_OPTION`, and those of the stores
 *
 * @example
 * ```ts
 * import { migrate, openStore } from "@sluice/protections";
 *
 * const [from, to] = await Promise.all([openStore("redis://127.0.0.1:6379"), openStore("postgres://127.0.0.1/app")]);
 * const { written } = await migrate(from, to, { onProgress: ({ read }) => console.log(`${read} entries so far`) });
 * console.log(`${written} are new`);
 * await Promise.all([from.close(), to.close()]);
 * ```
 */
export async function migrate(from: Store, to: Store, options: ImportOptions = {}): Promise<MoveSummary> {
  rejectUnknown(options, IMPORT_OPTIONS, "migrate");
  if (from === to) throw invalidOption("to", to, "give another store than the one to move from");
  const source = listable(from, "the store to move from");
  return importShifted(to, source.exportEntries(), await clockOffset(from, to), options);
}
