import { MAX_DURATION_MS, type Merge, timeOf } from "@sluice/core/store";

/*
 * Of two states of one policy comes one that is at least as strict as each of them, now and later. The policy is not known
 * here: what has to be known of it is in the states, or follows from when the arriving one goes. Where that is later than
 * the window's end, as a block can make it, the result errs on the strict side.
 */

/** An algorithm's own state. */
type State = readonly number[];

interface Joining {
  /** The length of the policy's window, by when a state goes; `undefined` when it can't be known. */
  windowOf(state: State, untilMs: number): number | undefined;
  join(arriving: State, there: State, window: KnownWindow, nowMs: number): State;
  /** When a state equals no state. */
  untilOf(state: State, windowMs: number): number;
}

/** The length of a policy's window. */
interface KnownWindow {
  readonly ms: number;
  /** False when the arriving state goes with a block: the window may be shorter. */
  readonly exact: boolean;
}

/** Merges the entries of an algorithm. The later block counts. */
function mergeEntries({ windowOf, join, untilOf }: Joining): Merge {
  return ({ state: arriving, expiresAtMs }, there, nowMs) => {
    if (!isEntry(arriving) || !isEntry(there)) return undefined;
    const [, arrivingBlockMs, arrivingState] = arriving;
    const [, blockMs, state] = there;
    const windowMs = arrivingState === null ? undefined : windowOf(arrivingState, expiresAtMs);
    const window = { ms: Math.max(1, Math.ceil(windowMs ?? 1)), exact: arrivingBlockMs < expiresAtMs };
    const joined =
      arrivingState === null || windowMs === undefined
        ? state
        : state === null
          ? arrivingState
          : join(arrivingState, state, window, nowMs);
    const blockedUntilMs = Math.max(blockMs, arrivingBlockMs);
    if (isSame(joined, state) && blockedUntilMs <= Math.max(blockMs, nowMs)) return undefined;
    // How long the state in the target would still live is not known here. Too long does no harm.
    const untilMs = joined === null ? 0 : untilOf(joined, windowMs ?? MAX_DURATION_MS);
    const ttlMs = Math.max(1, Math.ceil(Math.max(untilMs, blockedUntilMs) - nowMs));
    const blockedForMs = lengthOfBlock([arriving, there], nowMs);
    return {
      state: blockedForMs === undefined ? [1, blockedUntilMs, joined] : [2, blockedUntilMs, joined, blockedForMs],
      ttlMs,
    };
  };
}

type LimitEntry =
  | readonly [version: 1, blockedUntilMs: number, state: State | null]
  | readonly [version: 2, blockedUntilMs: number, state: State | null, blockedForMs: number];

function isEntry(state: unknown): state is LimitEntry {
  if (!Array.isArray(state) || state.length !== state[0] + 2 || !Number.isSafeInteger(state[1])) return false;
  if (state[0] !== 1 && !(state[0] === 2 && Number.isSafeInteger(state[3]))) return false;
  const own: unknown = state[2];
  return own === null || (Array.isArray(own) && own.every(Number.isSafeInteger));
}

/** The longest of the blocks that last; `undefined` when there is none, or one whose length is not known. */
function lengthOfBlock(entries: readonly LimitEntry[], nowMs: number): number | undefined {
  const lasting = entries.filter(([, blockedUntilMs]) => blockedUntilMs > nowMs);
  const lengths = lasting.map((entry) => (entry[0] === 2 ? entry[3] : Number.NaN));
  const longest = Math.max(...lengths);
  return Number.isFinite(longest) ? longest : undefined;
}

function isSame(one: State | null, other: State | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((value, i) => value === other[i]);
}

/** The one that lacks more tokens. */
const mergeBucket: Merge = mergeEntries({
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
  windowOf: ([startMs = 0, used = 0], untilMs) => (used > 0 ? untilMs - timeOf(startMs) : undefined),
  join([arrivingStartMs = 0, arrivingUsed = 0], [startMs = 0, used = 0]) {
    if (used === 0) return [arrivingStartMs, arrivingUsed];
    const isLater = timeOf(arrivingStartMs) > timeOf(startMs);
    return [isLater ? arrivingStartMs : startMs, Math.max(used, arrivingUsed)];
  },
  untilOf: ([startMs = 0], windowMs) => timeOf(startMs) + windowMs,
});

type Window = readonly [startMs: number, previous: number, current: number];

/**
 * In the same window, the larger of each count. Otherwise the younger window, with as much more as the older one counts
 * now: nothing when the younger one counts as much now and later.
 */
const mergeSlidingWindow: Merge = mergeEntries({
  windowOf(state, untilMs) {
    const [startMs, previous, current] = state as Window;
    if (current > 0) return (untilMs - timeOf(startMs)) / 2;
    return previous > 0 ? untilMs - timeOf(startMs) : undefined;
  },
  join(arriving, there, window, nowMs) {
    const [one, other] = [arriving as Window, there as Window];
    if (unitsIn(one, window.ms, nowMs) === 0n) return other;
    return other[1] + other[2] === 0 ? one : joinWindows(one, other, window, nowMs);
  },
  untilOf: ([startMs = 0, , current = 0], windowMs) => timeOf(startMs) + (current > 0 ? 2 : 1) * windowMs,
});

function joinWindows(arriving: Window, there: Window, { ms, exact }: KnownWindow, nowMs: number): Window {
  const [arrivingMs, thereMs] = [timeOf(arriving[0]), timeOf(there[0])];
  if (arrivingMs === thereMs) {
    return [there[0], Math.max(arriving[1], there[1]), Math.max(arriving[2], there[2])];
  }
  const [older, younger] = arrivingMs < thereMs ? [arriving, there] : [there, arriving];
  const [startMs, previous, current] = younger;
  const [usedInOlder, usedInYounger] = [unitsIn(older, ms, nowMs), unitsIn(younger, ms, nowMs)];
  const hasEnded = nowMs - timeOf(startMs) >= ms;
  // Both fall in straight lines from here on, the older one to 0 first, so that the larger one stays the larger.
  const isStraight = hasEnded || timeOf(startMs) >= timeOf(older[0]) + ms;
  if (isStraight && usedInYounger >= usedInOlder) return younger;
  if (!hasEnded) return [startMs, previous, Math.max(current, wholeUnits(usedInOlder, ms))];
  if (!exact) return [nowMs, 0, wholeUnits(usedInOlder, ms)];
  // The window after the younger one: what that one used goes on fading, and what is missing to the older one comes on top.
  return [timeOf(startMs) + ms, current, wholeUnits(usedInOlder - usedInYounger, ms)];
}

/** What counts now, in parts of a unit: as many as the window has milliseconds. Exact: the product may pass 2^53. */
function unitsIn([startMs, previous, current]: Window, windowMs: number, nowMs: number): bigint {
  const sinceMs = Math.max(0, nowMs - timeOf(startMs));
  if (sinceMs >= 2 * windowMs) return 0n;
  if (sinceMs >= windowMs) return BigInt(current) * BigInt(2 * windowMs - sinceMs);
  return BigInt(current) * BigInt(windowMs) + BigInt(previous) * BigInt(windowMs - sinceMs);
}

function wholeUnits(parts: bigint, windowMs: number): number {
  return Number((parts + BigInt(windowMs) - 1n) / BigInt(windowMs));
}

/** All grants of both; of those at one time the larger. */
const mergeSlidingLog: Merge = mergeEntries({
  windowOf: (log, untilMs) => (log.length > 0 ? untilMs - timeOf(log[log.length - 2] as number) : undefined),
  join(arriving, there, { ms: windowMs }, nowMs) {
    const grants = new Map<number, readonly [epochMs: number, cost: number]>();
    for (let i = 0; i < there.length; i += 2) {
      grants.set(timeOf(there[i] as number), [there[i] as number, there[i + 1] as number]);
    }
    for (let i = 0; i < arriving.length; i += 2) {
      const [epochMs, cost] = [arriving[i] as number, arriving[i + 1] as number];
      const atMs = timeOf(epochMs);
      if (atMs + windowMs <= nowMs) continue;
      const [knownMs, known] = grants.get(atMs) ?? [epochMs, 0];
      grants.set(atMs, [knownMs, Math.max(cost, known)]);
    }
    return [...grants.values()].sort(([one], [other]) => timeOf(one) - timeOf(other)).flat();
  },
  untilOf: (log, windowMs) => timeOf(log[log.length - 2] ?? 0) + windowMs,
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
