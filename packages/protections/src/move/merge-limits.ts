import { type Entry, isEntry, timeOf } from "@sluice/core";
import { LONGEST_LIFE_MS } from "../lifetime.js";
import type { Merge } from "./merge.js";

/*
 * Of two states of one policy comes one that is at least as strict as each of them, now and later. The policy is not known
 * here: what has to be known of it is in the states, or follows from when the arriving one goes. Where that is later than
 * the window's end, as a block can make it, the result errs on the strict side.
 */

/** An algorithm's own state. */
type State = readonly number[];

interface Joining {
  /** The state with times in place of the names of windows. */
  plain(state: State): State;
  /** The length of the policy's window, by when a state goes; `undefined` when it does not tell. */
  windowOf(state: State, untilMs: number): number | undefined;
  join(arriving: State, there: State, windowMs: number, nowMs: number): State;
  /** When a state is as good as none. */
  untilOf(state: State, windowMs: number): number;
}

/** Merges the entries of an algorithm. The later block counts. */
function mergeEntries({ plain, windowOf, join, untilOf }: Joining): Merge {
  return ({ state: arriving, expiresAtMs }, there, nowMs) => {
    if (!isLimitEntry(arriving) || !isLimitEntry(there)) return undefined;
    const [, arrivingBlockMs, arrivingNumbers] = arriving;
    const [, blockMs, numbers] = there;
    const arrivingState = arrivingNumbers && plain(arrivingNumbers);
    const state = numbers && plain(numbers);
    const windowMs = arrivingState === null ? undefined : windowOf(arrivingState, expiresAtMs);
    const joined =
      arrivingState === null || windowMs === undefined
        ? state
        : state === null
          ? arrivingState
          : join(arrivingState, state, windowMs, nowMs);
    const blockedUntilMs = Math.max(blockMs, arrivingBlockMs);
    if (isSame(joined, state) && blockedUntilMs <= Math.max(blockMs, nowMs)) return undefined;
    // Nobody knows how long what is there would still live: too long does no harm.
    const untilMs = joined === null ? 0 : untilOf(joined, windowMs ?? LONGEST_LIFE_MS);
    const ttlMs = Math.max(untilMs, blockedUntilMs) - nowMs;
    const [, , , blockedForMs] = arrivingBlockMs > blockMs ? arriving : there;
    const merged: Entry =
      blockedForMs === undefined ? [1, blockedUntilMs, joined] : [2, blockedUntilMs, joined, blockedForMs];
    return { state: merged, ttlMs: Math.max(1, Math.ceil(ttlMs)) };
  };
}

/** An entry whose state is numbers. */
type LimitEntry = readonly [
  version: number,
  blockedUntilMs: number,
  state: State | null,
  blockedForMs?: number | undefined,
];

function isLimitEntry(stored: unknown): stored is LimitEntry {
  if (!isEntry(stored) || !Number.isSafeInteger(stored[1])) return false;
  const own = stored[2];
  return own === null || (Array.isArray(own) && own.every(Number.isSafeInteger));
}

function plainWindow([startMs = 0, ...counts]: State): State {
  return [timeOf(startMs), ...counts];
}

function isSame(one: State | null, other: State | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((value, i) => value === other[i]);
}

/** The one that lacks more tokens. */
const mergeBucket: Merge = mergeEntries({
  plain: (state) => state,
  // Its state tells when it is full.
  windowOf: () => 0,
  join: (arriving, there, _, nowMs) => (missing(arriving, nowMs) > missing(there, nowMs) ? arriving : there),
  untilOf: ([fullAtMs = 0, numerator = 0]) => (numerator > 0 ? fullAtMs + 1 : fullAtMs),
});

/** Tokens that a bucket lacks. */
function missing([fullAtMs = 0, numerator = 0, rate = 1, intervalMs = 1]: State, nowMs: number): number {
  return fullAtMs < nowMs ? 0 : ((fullAtMs - nowMs) * rate + numerator) / intervalMs;
}

/** The larger count, in the window that ends later. */
const mergeFixedWindow: Merge = mergeEntries({
  plain: plainWindow,
  windowOf: ([startMs = 0, used = 0], untilMs) => (used > 0 ? untilMs - startMs : undefined),
  join([arrivingStartMs = 0, arrivingUsed = 0], [startMs = 0, used = 0]) {
    return used === 0
      ? [arrivingStartMs, arrivingUsed]
      : [Math.max(startMs, arrivingStartMs), Math.max(used, arrivingUsed)];
  },
  untilOf: ([startMs = 0], windowMs) => startMs + windowMs,
});

type Window = readonly [startMs: number, previous: number, current: number];

/**
 * In the same window, the larger of each count. Otherwise what the older one has used as it stands now goes into the current
 * count of the younger one, which fades later; unless the younger one is a whole window ahead and has as much.
 */
const mergeSlidingWindow: Merge = mergeEntries({
  plain: plainWindow,
  windowOf(state, untilMs) {
    const [startMs, previous, current] = state as Window;
    if (current > 0) return (untilMs - startMs) / 2;
    return previous > 0 ? untilMs - startMs : undefined;
  },
  join(arriving, there, windowMs, nowMs) {
    const [one, other] = [arriving as Window, there as Window];
    if (usedIn(one, windowMs, nowMs) === 0) return other;
    return other[1] + other[2] === 0 ? one : joinWindows(one, other, windowMs, nowMs);
  },
  untilOf: ([startMs = 0, , current = 0], windowMs) => startMs + (current > 0 ? 2 : 1) * windowMs,
});

function joinWindows(one: Window, other: Window, windowMs: number, nowMs: number): Window {
  const [older, younger] = one[0] < other[0] ? [one, other] : [other, one];
  const [startMs, previous, current] = younger;
  if (older[0] === startMs) return [startMs, Math.max(older[1], previous), Math.max(older[2], current)];
  const usedInOlder = usedIn(older, windowMs, nowMs);
  const suffices = startMs >= older[0] + windowMs && usedIn(younger, windowMs, nowMs) >= usedInOlder;
  return suffices ? younger : [startMs, previous, Math.max(current, usedInOlder)];
}

/** What counts now, rounded up. */
function usedIn([startMs, previous, current]: Window, windowMs: number, nowMs: number): number {
  const sinceMs = nowMs - startMs;
  if (sinceMs >= 2 * windowMs) return 0;
  if (sinceMs >= windowMs) return faded(current, sinceMs - windowMs, windowMs);
  return current + faded(previous, Math.max(0, sinceMs), windowMs);
}

function faded(count: number, sinceMs: number, windowMs: number): number {
  return Math.ceil(count * (1 - sinceMs / windowMs));
}

/** All grants of both; of those at one time the larger. */
const mergeSlidingLog: Merge = mergeEntries({
  plain: (log) => log.map((number, i) => (i % 2 === 0 ? timeOf(number) : number)),
  windowOf: (log, untilMs) => (log.length > 0 ? untilMs - (log[log.length - 2] as number) : undefined),
  join(arriving, there, windowMs, nowMs) {
    const costs = new Map<number, number>();
    for (let i = 0; i < there.length; i += 2) costs.set(there[i] as number, there[i + 1] as number);
    for (let i = 0; i < arriving.length; i += 2) {
      const [atMs, cost] = [arriving[i] as number, arriving[i + 1] as number];
      if (atMs + windowMs > nowMs) costs.set(atMs, Math.max(cost, costs.get(atMs) ?? 0));
    }
    return [...costs].sort(([one], [other]) => one - other).flat();
  },
  untilOf: (log, windowMs) => (log[log.length - 2] ?? 0) + windowMs,
});

const MERGES: ReadonlyMap<string, Merge> = new Map([
  ["token-bucket", mergeBucket],
  ["fixed-window", mergeFixedWindow],
  ["sliding-window", mergeSlidingWindow],
  ["sliding-log", mergeSlidingLog],
]);

/** How entries of an algorithm are merged; `undefined` for one that does not come with Sluice. */
export function mergeLimitOf(algorithm: string): Merge | undefined {
  return MERGES.get(algorithm);
}
