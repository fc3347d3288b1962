import { type Duration, type MaybePromise, parseDuration } from "@sluice/core";
import { after, logOutages } from "@sluice/core/http";
import { checkOptions, type Rules } from "@sluice/core/store";
import { CACHE_SIZE, createFreshCache, MAX_STALE_MS } from "../fresh-cache.js";
import { openRecords, RECORD_RULES, type RecordOptions } from "../records.js";
import {
  type BlockEntry,
  type BlockOptions,
  blockedBy,
  checkTerms,
  entryOf,
  isLive,
  lifeOf,
  renewed,
  type StoredBlock,
} from "./entry.js";
import { addRange, indexRanges, type RangeIndex, removeRange, renewRanges, type StoredRanges } from "./ranges.js";
import { type Subject, subjectOf, subjectToChange } from "./subject.js";

/** Options of {@link createBlocklist}. */
export interface BlocklistOptions extends RecordOptions {
  /**
   * How old an answer may be. A block or unblock by another process is seen at most this much later. 1 ms to `"1h"`.
   * Default `"1s"`.
   */
  staleFor?: Duration | undefined;
  /**
   * How many keys are remembered for this time: a whole number of 1 or more. A long key counts as several, one for each 256
   * characters. Default 10,000.
   */
  cacheSize?: number | undefined;
  /**
   * The number of leading bits of an IPv6 address that identify a client, as for the limiter: 32 to 128. Default 56.
   */
  ipv6Prefix?: number | undefined;
  /**
   * False: {@link Blocklist.findBlock} rejects if the store fails. True: it then returns the last known answer, however
   * old, and keys without one are not blocked. Default false.
   */
  failOpen?: boolean | undefined;
}

/** Keeps blocks. All methods may reject with a `SluiceError`: `INVALID_KEY` or an error of the store. */
export interface Blocklist {
  /**
   * Blocks a client's address, a network such as `"10.0.0.0/8"`, or any other key. Resolves to the current block. Never
   * shortens an existing block: of two blocks the later end counts, whichever was made first.
   *
   * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`; `BLOCKLIST_FULL` with more than 1,000 networks
   */
  block(key: string, options?: BlockOptions): Promise<BlockEntry>;
  /** Removes the block of exactly this address, network or key. Does nothing if there is none. */
  unblock(key: string): Promise<void>;
  /**
   * Returns the block of a key. For an address, this may also be the block of the smallest network that contains it.
   * `undefined` if it is not blocked. Answered from memory if it was asked within the last `staleFor`.
   */
  findBlock(key: string): Promise<BlockEntry | undefined>;
  /** Like {@link Blocklist.findBlock}, but returns no promise if the answer is in memory. */
  look(key: string): MaybePromise<BlockEntry | undefined>;
  /**
   * Lists all blocks in any order. Reads everything in the store, so use it for administration and not in requests.
   *
   * @throws SluiceError `NOT_LISTABLE` on stores that can't list their entries
   */
  list(): Promise<readonly BlockEntry[]>;
}

/** The rules of {@link BlocklistOptions}. */
export const BLOCKLIST_RULES: Rules<BlocklistOptions> = {
  ...RECORD_RULES,
  staleFor: "any",
  cacheSize: CACHE_SIZE,
  ipv6Prefix: { min: 32, max: 128 },
  failOpen: "boolean",
};

/** The key of the one record that holds all ranges. */
const RANGES_KEY = "all";

/**
 * Creates a blocklist. Every process with the same store and prefix sees a block within `staleFor`. The process that
 * blocked sees it immediately.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { createBlocklist } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const blocklist = createBlocklist({ store: memoryStore() });
 * await blocklist.block("203.0.113.7", { for: "1d", reason: "guesses passwords" });
 * await blocklist.block("198.51.100.0/24");
 * const entry = await blocklist.findBlock("::ffff:203.0.113.7");
 * if (entry !== undefined) console.log(`blocked until ${entry.untilMs}: ${entry.reason}`);
 * ```
 */
export function createBlocklist(options: BlocklistOptions): Blocklist {
  const { staleForMs, cacheSize, ipv6Prefix, failOpen } = checkedOptions(options);
  const outages = logOutages(
    failOpen ? "only blocks in memory are enforced" : "requests that the blocklist checks are denied with 503",
  );
  const blocks = openRecords<StoredBlock>(options, "blocks", outages);
  const ranges = openRecords<StoredRanges>(options, "blocked-ranges", outages);
  const blockCache = createFreshCache<BlockEntry | undefined>(cacheSize, blocks.nowMs, blocks.timeoutMs);
  const rangeCache = createFreshCache<RangeLook>(1, ranges.nowMs, ranges.timeoutMs);

  async function readBlock(key: string): Promise<{ value: BlockEntry | undefined; forMs: number }> {
    const { record, nowMs } = await blocks.update(key, (block, atMs) => {
      const state = block && renewed(block, atMs);
      return state === undefined || state === block ? undefined : { state, ttlMs: lifeOf(state, atMs) };
    });
    if (record === undefined || !isLive(record, nowMs)) return { value: undefined, forMs: staleForMs };
    return { value: entryOf(record), forMs: Math.min(staleForMs, lifeOf(record, nowMs)) };
  }

  async function readRanges(): Promise<{ value: RangeLook; forMs: number }> {
    const { record = [], nowMs } = await ranges.update(RANGES_KEY, renewRanges);
    const ends = record.flatMap((range) => (isLive(range, nowMs) ? [lifeOf(range, nowMs)] : []));
    return { value: { index: indexRanges(record), nowMs }, forMs: Math.min(staleForMs, ...ends) };
  }

  function rangeOf({ network }: Subject): MaybePromise<BlockEntry | undefined> {
    if (network === undefined) return undefined;
    return after(rangeCache.get(RANGES_KEY, readRanges, failOpen ? lastRanges : undefined), ({ index, nowMs }) => {
      const range = index.find(network, nowMs);
      return range && entryOf(range);
    });
  }

  function blockOf({ client }: Subject): MaybePromise<BlockEntry | undefined> {
    if (client === undefined) return undefined;
    return blockCache.get(client, () => readBlock(client), failOpen ? lastBlock : undefined);
  }

  /** While the store fails, its clock can't be read. */
  function ownNowMs(): number {
    return options.clock?.nowMs() ?? Date.now();
  }

  function lastBlock(last: BlockEntry | undefined): BlockEntry | undefined {
    return last?.untilMs === undefined || last.untilMs > ownNowMs() ? last : undefined;
  }

  function lastRanges(last: RangeLook | undefined): RangeLook {
    return { index: last?.index ?? indexRanges([]), nowMs: ownNowMs() };
  }

  const blocklist: Blocklist = {
    async block(key, given = {}) {
      const terms = checkTerms(given);
      const subject = subjectToChange(key, ipv6Prefix);
      return subject.range ? blockRange(subject.key) : blockOne(subject.key);

      async function blockOne(own: string): Promise<BlockEntry> {
        const change = (earlier: StoredBlock | undefined, nowMs: number) => {
          const block = blockedBy(earlier, own, terms, nowMs);
          return { state: block, ttlMs: lifeOf(block, nowMs) };
        };
        const { record } = await forgetting(own, blocks.update(own, change));
        return entryOf(record as StoredBlock);
      }

      async function blockRange(own: string): Promise<BlockEntry> {
        const change = (all: StoredRanges | undefined, nowMs: number) => addRange(all, own, terms, nowMs);
        const { record = [] } = await forgettingRanges(ranges.update(RANGES_KEY, change));
        return entryOf(record.find(([other]) => other === own) as StoredBlock);
      }
    },

    async unblock(key) {
      const subject = subjectToChange(key, ipv6Prefix);
      if (subject.range) {
        await forgettingRanges(ranges.update(RANGES_KEY, (all, nowMs) => removeRange(all, subject.key, nowMs)));
      } else {
        await forgetting(subject.key, blocks.remove(subject.key));
      }
    },

    findBlock: async (key) => blocklist.look(key),

    look(key) {
      const subject = subjectOf(key, ipv6Prefix);
      // Starts both reads before waiting for one.
      const block = blockOf(subject);
      const range = rangeOf(subject);
      if (!(block instanceof Promise || range instanceof Promise)) return block ?? range;
      return Promise.all([block, range]).then(([own, wider]) => own ?? wider);
    },

    async list() {
      const [single, wide] = await Promise.all([blocks.list(), ranges.list()]);
      const nowMs = ownNowMs();
      return [...single, ...wide.flat()].filter((block) => isLive(block, nowMs)).map(entryOf);
    },
  };
  return blocklist;

  /** Values that were read before or during the change are out of date. */
  async function forgetting<T>(key: string, change: Promise<T>): Promise<T> {
    try {
      return await change;
    } finally {
      blockCache.forget(key);
    }
  }

  async function forgettingRanges<T>(change: Promise<T>): Promise<T> {
    try {
      return await change;
    } finally {
      rangeCache.forget(RANGES_KEY);
    }
  }
}

/** The ranges at a time of the store's clock. */
interface RangeLook {
  readonly index: RangeIndex;
  readonly nowMs: number;
}

interface CheckedOptions {
  readonly staleForMs: number;
  readonly cacheSize: number;
  readonly ipv6Prefix: number;
  readonly failOpen: boolean;
}

function checkedOptions(options: BlocklistOptions): CheckedOptions {
  checkOptions(options, BLOCKLIST_RULES, "createBlocklist");
  const { staleFor = 1_000, cacheSize = 10_000, ipv6Prefix = 56, failOpen = false } = options;
  return { staleForMs: parseDuration(staleFor, "staleFor", MAX_STALE_MS), cacheSize, ipv6Prefix, failOpen };
}
