import type { Next } from "@sluice/core";
import { isLive, lifeOf, type StoredBlock } from "../blocklist/entry.js";
import type { StoredRanges } from "../blocklist/ranges.js";
import type { Client } from "../registry/registry.js";
import type { Merge } from "./merge.js";

/** Merges records of the one version that there is. */
function mergeRecords<R>(merge: (arriving: R, expiresAtMs: number, there: R, nowMs: number) => Next<R>): Merge {
  return ({ state, expiresAtMs }, there, nowMs) => {
    if (!isRecord<R>(state) || !isRecord<R>(there)) return undefined;
    const next = merge(state[1], expiresAtMs, there[1], nowMs);
    // In another order it is written once more, and is in the same order then.
    if (JSON.stringify(next.state) === JSON.stringify(there[1])) return undefined;
    return { state: [1, next.state], ttlMs: Math.max(1, next.ttlMs) };
  };
}

function isRecord<R>(state: unknown): state is readonly [version: 1, record: R] {
  return Array.isArray(state) && state.length === 2 && state[0] === 1;
}

/** From the first of two blocks to the end of the second. */
const mergeBlock: Merge = mergeRecords<StoredBlock>((arriving, _, there, nowMs) => {
  const state = later(arriving, there, nowMs);
  return { state, ttlMs: lifeOf(state, nowMs) };
});

function later(arriving: StoredBlock, there: StoredBlock, nowMs: number): StoredBlock {
  if (!isLive(arriving, nowMs)) return there;
  if (!isLive(there, nowMs)) return arriving;
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

const mergeRanges: Merge = mergeRecords<StoredRanges>((arriving, _, there, nowMs) => {
  const ranges = new Map(there.map((range) => [range[0], range]));
  for (const range of arriving) {
    const known = ranges.get(range[0]);
    if (known !== undefined) ranges.set(range[0], later(range, known, nowMs));
    else if (isLive(range, nowMs)) ranges.set(range[0], range);
  }
  const state = [...ranges.values()];
  return { state, ttlMs: Math.max(1, ...state.map((range) => lifeOf(range, nowMs))) };
});

/**
 * Seen since the earlier time until the later one, and registered if one of them is. Of fields with one name counts that of
 * the client that is known for longer, since the other may have been made anew with what a new one gets; and if they are
 * known since the same time, that of the one seen last.
 */
const mergeClient: Merge = mergeRecords<Client>((arriving, expiresAtMs, there, nowMs) => {
  const arrivingCounts =
    arriving.firstSeenMs === there.firstSeenMs
      ? arriving.lastSeenMs > there.lastSeenMs
      : arriving.firstSeenMs < there.firstSeenMs;
  const lastSeenMs = Math.max(arriving.lastSeenMs, there.lastSeenMs);
  const state: Client = {
    ...there,
    registered: arriving.registered || there.registered,
    firstSeenMs: Math.min(arriving.firstSeenMs, there.firstSeenMs),
    lastSeenMs,
    fields: arrivingCounts ? { ...there.fields, ...arriving.fields } : { ...arriving.fields, ...there.fields },
  };
  return { state, ttlMs: Math.ceil(expiresAtMs - arriving.lastSeenMs + lastSeenMs - nowMs) };
});

const MERGES: ReadonlyMap<string, Merge> = new Map([
  ["blocks", mergeBlock],
  ["blocked-ranges", mergeRanges],
  ["clients", mergeClient],
]);

/** How records of a kind are merged. */
export function mergeRecordOf(kind: string): Merge | undefined {
  return MERGES.get(kind);
}
