import { mergeOf, placedOn } from "@sluice/core/kit";
import { can, checkOptions, type ExportedEntry, type Rules, SluiceError, type Store } from "@sluice/core/store";
import { readClock } from "./clock-offset.js";
import { forEachAtOnce, pagesOf, readAhead } from "./pages.js";

/** The numbers of entries of a move, by outcome. */
export interface MoveSummary {
  /** Entries that were listed. */
  readonly read: number;
  /** Entries that the target did not have. */
  readonly written: number;
  /** Entries that the target had in a less strict form. They were merged. */
  readonly merged: number;
  /**
   * Entries that the target had in a form at least as strict. They did not change. If a move is repeated, these are all
   * entries.
   */
  readonly alreadyThere: number;
  /** Entries that expired before they were processed. */
  readonly expired: number;
  /** Entries that the target can't accept, by the code of the error. */
  readonly leftOut: Readonly<Partial<Record<"DIGESTED_KEY", number>>>;
}

/** Options of {@link importEntries}. */
export interface ImportOptions {
  /** True to write nothing and report what would be done. Default false. */
  dryRun?: boolean | undefined;
  /** Called with the count so far after each page of up to 500 entries, at least once. */
  onProgress?: ((soFar: MoveSummary) => void) | undefined;
  /** Ends the move after the current page. The move then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The rules of {@link ImportOptions}. */
export const IMPORT_RULES: Rules<ImportOptions> = { dryRun: "boolean", onProgress: "function", signal: "any" };

/** The outcome for an entry of an import. */
type Result = "written" | "merged" | "alreadyThere" | "expired";

/** How many entries are read, written and reported together. */
const PAGE = 500;

/** How many entries are read and merged at the same time. */
const AT_ONCE = 64;

/**
 * Imports the entries of another store. An existing entry is merged: the result is at least as strict as either, and the
 * later block is kept. A second import changes nothing.
 *
 * @throws SluiceError `UNKNOWN_OPTION`, and the errors of the store
 *
 * @example
 * ```ts
 * import { exportEntries, importEntries } from "@sluice/storage";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const [from, to] = [memoryStore(), memoryStore()];
 * const { written } = await importEntries(to, exportEntries(from));
 * console.log(written);
 * ```
 */
export async function importEntries(
  store: Store,
  entries: Iterable<ExportedEntry> | AsyncIterable<ExportedEntry>,
  options: ImportOptions = {},
): Promise<MoveSummary> {
  checkOptions(options, IMPORT_RULES, "importEntries");
  return importShifted(store, entries, 0, options);
}

/** Like {@link importEntries}, for entries of a store whose clock is behind by this much. */
export async function importShifted(
  store: Store,
  entries: Iterable<ExportedEntry> | AsyncIterable<ExportedEntry>,
  offsetMs: number,
  { dryRun = false, onProgress, signal }: ImportOptions,
): Promise<MoveSummary> {
  const counts = { read: 0, written: 0, merged: 0, alreadyThere: 0, expired: 0, digested: 0 };
  const { aheadMs } = await readClock(store);
  let takesDigests: boolean | undefined;

  function summary(): MoveSummary {
    const { digested, ...rest } = counts;
    return { ...rest, leftOut: digested > 0 ? { DIGESTED_KEY: digested } : {} };
  }

  /** Writes the entry if it is missing. Otherwise merges it. */
  async function take(entry: ExportedEntry): Promise<Result> {
    let result: Result = "alreadyThere";
    const merge = mergeOf(entry.key);
    // The times in its state are by its own clock, and must be compared with its expiry by the same clock.
    const arriving = { state: entry.state, expiresAtMs: entry.expiresAtMs - offsetMs };
    await store.atomicUpdate<unknown>(entry.key, (there, nowMs) => {
      const leftMs = entry.expiresAtMs - nowMs;
      result = "expired";
      if (there === undefined && leftMs <= 0) return undefined;
      const next =
        there === undefined ? { state: entry.state, ttlMs: leftMs, isNew: true } : merge(arriving, there, nowMs);
      result = next === undefined ? "alreadyThere" : next.isNew ? "written" : "merged";
      return dryRun ? undefined : next;
    });
    return result;
  }

  /** An entry whose key is known only by its digest can't be looked up. It is only written if it is missing. */
  async function takePage(page: readonly ExportedEntry[]): Promise<void> {
    const open = dryRun || !can(store, "importEntries") ? page : await store.importEntries(page);
    counts.written += page.length - open.length;
    const known = open.filter((entry) => !entry.digested);
    counts[dryRun ? "written" : "alreadyThere"] += open.length - known.length;
    await forEachAtOnce(known, AT_ONCE, async (entry) => {
      counts[await take(entry)]++;
    });
  }

  async function takeAll(page: readonly ExportedEntry[]): Promise<void> {
    if (page.some(({ digested }) => digested)) takesDigests ??= await takesDigested(store);
    const takeable = takesDigests ? page : page.filter(({ digested }) => !digested);
    counts.digested += page.length - takeable.length;
    const placed = takeable.map((entry) => placedOn(store, entry));
    await takePage(placed.flatMap((entries) => (entries.length === 1 ? entries : [])));
    const ledgers = placed.filter((entries) => entries.length > 1);
    await forEachAtOnce(ledgers, AT_ONCE, async (entries) => {
      const results = await Promise.all(entries.map(take));
      counts[
        results.find((result) => result === "merged") ??
          results.find((result) => result === "written") ??
          "alreadyThere"
      ]++;
    });
  }

  for await (const page of readAhead(pagesOf(entries, PAGE))) {
    signal?.throwIfAborted();
    const nowMs = Date.now() + aheadMs;
    const alive = page
      .map((entry) => (offsetMs === 0 ? entry : { ...entry, expiresAtMs: entry.expiresAtMs + offsetMs }))
      .filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    await takeAll(alive);
    counts.read += page.length;
    counts.expired += page.length - alive.length;
    onProgress?.(summary());
  }
  signal?.throwIfAborted();
  if (counts.read === 0) onProgress?.(summary());
  return summary();
}

/** Returns whether a store accepts digested keys, by importing an entry that expired long ago. */
async function takesDigested(store: Store): Promise<boolean> {
  if (!can(store, "importEntries")) return false;
  try {
    await store.importEntries([{ key: `#${"0".repeat(64)}`, digested: true, state: null, expiresAtMs: 0 }]);
    return true;
  } catch (error) {
    if (error instanceof SluiceError && error.code === "DIGESTED_KEY") return false;
    throw error;
  }
}
