import type { Next } from "../algorithm/algorithm.js";
import { MAX_DURATION_MS } from "../duration.js";

/*
 * Records are the state of protections: blocks, blocked ranges and clients. Their formats are here and not with the
 * protections, so that tools that move state can merge records without them.
 */

/** A state that arrives from another store, and its expiry there. Both are by that store's clock. */
export interface Arriving {
  readonly state: unknown;
  readonly expiresAtMs: number;
}

/**
 * Merges an arriving state into the existing one. Returns the result, or `undefined` to keep the existing one. `isNew` is
 * true if the existing one had nothing of the arriving one. Pure. Merging a state twice must equal merging it once, even if
 * charges were made in between.
 */
export type Merge = (
  arriving: Arriving,
  there: unknown,
  nowMs: number,
) => (Next<unknown> & { readonly isNew?: boolean }) | undefined;

/** A kind of record. It is the policy name in the scope of its entries, whose algorithm is `"record"`. */
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
 * How long a block is kept, in milliseconds. A block without an end is kept for the maximum time and rewritten before that.
 */
export function blockLifeMs([, , untilMs]: BlockRecord, nowMs: number): number {
  return untilMs === null ? MAX_DURATION_MS : Math.max(1, untilMs - nowMs);
}

/** How two records of each kind are merged when state moves. */
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

/** Merges records of version 1, the only version. */
function mergeRecords<R>(merge: (arriving: R, expiresAtMs: number, there: R, nowMs: number) => Next<R>): Merge {
  return ({ state, expiresAtMs }, there, nowMs) => {
    if (!isRecord<R>(state) || !isRecord<R>(there)) return undefined;
    const next = merge(state[1], expiresAtMs, there[1], nowMs);
    // A record with another order of properties is written once more. The order is then the same.
    if (JSON.stringify(next.state) === JSON.stringify(there[1])) return undefined;
    return { state: [1, next.state], ttlMs: Math.max(1, next.ttlMs) };
  };
}

function isRecord<R>(state: unknown): state is readonly [version: 1, record: R] {
  return Array.isArray(state) && state.length === 2 && state[0] === 1;
}

/** Merges two blocks into one from the earlier start to the later end. */
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
 * Uses the earlier first time and the later last time, and is registered if one of the clients is. If a field differs,
 * keeps that of the client known for longer, because the other may have been created with defaults. If both are known since
 * the same time, keeps that of the client seen last.
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
