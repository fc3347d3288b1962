import type { Next } from "../algorithm/algorithm.js";
import { MAX_DURATION_MS } from "../duration.js";

/*
 * Records are what protections keep beside the entries of limits: blocks, blocked ranges, clients. Their formats are here, and
 * not with the protections, so that whatever moves state can merge all of it without them.
 */

/** A state that arrives from another store, and when it expires there. Both are by that store's clock. */
export interface Arriving {
  readonly state: unknown;
  readonly expiresAtMs: number;
}

/**
 * Merges an arriving state into the existing one, and returns the result, or `undefined` to keep the existing one.
 * `isNew`: nothing that arrived was there. Pure. Merging the same state twice must equal merging it once, whatever was
 * charged in between.
 */
export type Merge = (
  arriving: Arriving,
  there: unknown,
  nowMs: number,
) => (Next<unknown> & { readonly isNew?: boolean }) | undefined;

/** A kind of record. It is the policy name in the scope of its entries, and their algorithm is `"record"`. */
export type RecordKind = "blocks" | "blocked-ranges" | "clients";

/** A stored block. `untilMs` is `null` for a block without an end. Times are by the clock of the store. */
export type BlockRecord = readonly [
  key: string,
  sinceMs: number,
  untilMs: number | null,
  reason: string | null,
  writtenMs: number,
];

/** A stored client. */
export interface ClientRecord {
  readonly id: string;
  readonly registered: boolean;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Returns whether a block has not ended. */
export function isLiveBlock([, , untilMs]: BlockRecord, nowMs: number): boolean {
  return untilMs === null || untilMs > nowMs;
}

/**
 * How long a block is kept, in milliseconds. A block without an end is kept as long as possible, and rewritten in time.
 */
export function blockLifeMs([, , untilMs]: BlockRecord, nowMs: number): number {
  return untilMs === null ? MAX_DURATION_MS : Math.max(1, untilMs - nowMs);
}

/** Merges two records of each kind in a move. */
export const recordMerges: Readonly<Record<RecordKind, Merge>> = {
  blocks: /* @__PURE__ */ mergeRecords<BlockRecord>((arriving, _, there, nowMs) => {
    const state = laterBlock(arriving, there, nowMs);
    return { state, ttlMs: blockLifeMs(state, nowMs) };
  }),
  "blocked-ranges": /* @__PURE__ */ mergeRecords<readonly BlockRecord[]>((arriving, _, there, nowMs) => {
    const ranges = new Map(there.map((range) => [range[0], range]));
    for (const range of arriving) {
      const known = ranges.get(range[0]);
      if (known !== undefined) ranges.set(range[0], laterBlock(range, known, nowMs));
      else if (isLiveBlock(range, nowMs)) ranges.set(range[0], range);
    }
    const state = [...ranges.values()];
    return { state, ttlMs: Math.max(1, ...state.map((range) => blockLifeMs(range, nowMs))) };
  }),
  clients: /* @__PURE__ */ mergeRecords(mergeClient),
};

/** Merges records of version 1, the only one. */
function mergeRecords<R>(merge: (arriving: R, expiresAtMs: number, there: R, nowMs: number) => Next<R>): Merge {
  return ({ state, expiresAtMs }, there, nowMs) => {
    if (!isRecord<R>(state) || !isRecord<R>(there)) return undefined;
    const next = merge(state[1], expiresAtMs, there[1], nowMs);
    // A record whose properties have another order is written once more, and has the same order then.
    if (JSON.stringify(next.state) === JSON.stringify(there[1])) return undefined;
    return { state: [1, next.state], ttlMs: Math.max(1, next.ttlMs) };
  };
}

function isRecord<R>(state: unknown): state is readonly [version: 1, record: R] {
  return Array.isArray(state) && state.length === 2 && state[0] === 1;
}

/** From the start of the first block to the end of the last. */
function laterBlock(arriving: BlockRecord, there: BlockRecord, nowMs: number): BlockRecord {
  if (!isLiveBlock(arriving, nowMs)) return there;
  if (!isLiveBlock(there, nowMs)) return arriving;
  const [key, sinceMs, untilMs, reason, writtenMs] = arriving;
  const [, otherSinceMs, otherUntilMs, otherReason, otherWrittenMs] = there;
  return [
    key,
    Math.min(sinceMs, otherSinceMs),
    untilMs === null || otherUntilMs === null ? null : Math.max(untilMs, otherUntilMs),
    otherReason ?? reason,
    Math.max(writtenMs, otherWrittenMs),
  ];
}

/**
 * Seen since the earlier time until the later one, and registered if one of them is. Of two fields with one name, that of the
 * client that is known for longer is kept, since the other client may have been created with defaults; if both are known since
 * the same time, that of the one seen last.
 */
function mergeClient(
  arriving: ClientRecord,
  expiresAtMs: number,
  there: ClientRecord,
  nowMs: number,
): Next<ClientRecord> {
  const arrivingCounts =
    arriving.firstSeenMs === there.firstSeenMs
      ? arriving.lastSeenMs > there.lastSeenMs
      : arriving.firstSeenMs < there.firstSeenMs;
  const lastSeenMs = Math.max(arriving.lastSeenMs, there.lastSeenMs);
  const state: ClientRecord = {
    ...there,
    registered: arriving.registered || there.registered,
    firstSeenMs: Math.min(arriving.firstSeenMs, there.firstSeenMs),
    lastSeenMs,
    fields: arrivingCounts ? { ...there.fields, ...arriving.fields } : { ...arriving.fields, ...there.fields },
  };
  return { state, ttlMs: Math.ceil(expiresAtMs - arriving.lastSeenMs + lastSeenMs - nowMs) };
}
