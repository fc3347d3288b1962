import type { KnownWindow, RemoteForm, StateMerge } from "./built-in-algorithm.js";
import { type BuiltInCells, type Cells, cellAlgorithm } from "./cells.js";
import { epochAfter, epochBefore, timeOf } from "./epoch.js";
import type { Policy } from "./policy.js";
import { floorOfRatio } from "./ratio.js";
import { cellJudge, readCells } from "./reply.js";
import { checkWindow, type WindowOptions, windowNumbers, windowPolicy, windowQuota } from "./window.js";

/** `limit` units in any window of `windowMs`, estimated from two counters. */
export interface SlidingWindowPolicy extends Policy {
  readonly algorithm: "sliding-window";
  readonly limit: number;
  readonly windowMs: number;
}

/** 2^30: with windows up to 2^37 ms, the weighted count of a sliding window stays exact below 2^53. */
const MAX_SLIDING_WINDOW_LIMIT: number = 2 ** 30;

/**
 * `limit` units in any stretch of `window`, estimated from the counts of this window and the one before, as if requests
 * came evenly. It stores as little as a fixed window, and evenly spaced requests can't spend two limits around its end. A
 * client that picks its times can get up to two limits in one window. The limit is at most 2^30.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { slidingWindow } from "@sluice/core";
 *
 * const policy = slidingWindow({ limit: 600, window: "1m" });
 * ```
 */
export function slidingWindow(options: WindowOptions): SlidingWindowPolicy {
  return windowPolicy(slidingWindowAlgorithm, options, "slidingWindow", MAX_SLIDING_WINDOW_LIMIT);
}

/** Names the window: see `epoch.ts`. */
const START_MS = 0;
const PREVIOUS = 1;
const CURRENT = 2;

/** The counts of the cells at `nowMs`. All calls share one object, which is read before the next call fills it. */
const rolled = { startMs: 0, previous: 0, current: 0 };

function roll(cells: Cells, at: number, windowMs: number, nowMs: number): void {
  const startMs = cells[at + START_MS] as number;
  const elapsedMs = nowMs - timeOf(startMs);
  if (elapsedMs >= 2 * windowMs) {
    rolled.previous = 0;
    rolled.current = 0;
  } else if (elapsedMs >= windowMs) {
    rolled.startMs = timeOf(startMs) + windowMs;
    rolled.previous = cells[at + CURRENT] as number;
    rolled.current = 0;
  } else {
    rolled.startMs = startMs;
    rolled.previous = cells[at + PREVIOUS] as number;
    rolled.current = cells[at + CURRENT] as number;
  }
  // Nothing counts, or all of it was refunded: the next request starts a window, like a key's first request.
  if (rolled.previous === 0 && rolled.current === 0) rolled.startMs = epochAfter(startMs, nowMs);
}

/** The share of the previous count that still lies in the window, rounded up so that the estimate is never too low. */
function weighted(previous: number, leftMs: number, windowMs: number): number {
  return previous - floorOfRatio(windowMs - leftMs, previous, windowMs);
}

/** The time from the start of a window at which `previous` has faded to at most `room`. */
function fadedAfterMs(previous: number, room: number, windowMs: number): number {
  return windowMs - floorOfRatio(room, windowMs, previous);
}

/**
 * The two-counter estimate of a sliding window: the usage is the count of this window plus the share of the previous
 * one that still overlaps (S. Figueiredo Neto, "How we built rate limiting capable of scaling to millions of domains",
 * Cloudflare 2017). Windows count from a key's first request. State: `[startMs, previous, current]`.
 */
export const slidingWindowAlgorithm: BuiltInCells<SlidingWindowPolicy> = cellAlgorithm<SlidingWindowPolicy>({
  name: "sliding-window",
  width: 3,

  quota: windowQuota,
  check: (policy) => checkWindow(policy, slidingWindow),

  correct(cells, at, _policy, nowMs) {
    if (!(timeOf(cells[at + START_MS] as number) > nowMs)) return false;
    if (cells[at + PREVIOUS] === 0 && cells[at + CURRENT] === 0) return false;
    cells[at + START_MS] = nowMs;
    return true;
  },

  judge(cells, at, { limit, windowMs }, nowMs, cost, finding) {
    roll(cells, at, windowMs, nowMs);
    const { previous, current } = rolled;
    const startMs = timeOf(rolled.startMs);
    const leftMs = Math.min(windowMs, startMs + windowMs - nowMs);
    const room = limit - current - weighted(previous, leftMs, windowMs);
    const allowed = cost === 0 || cost <= room;
    finding.allowed = allowed;
    finding.remaining = Math.max(0, allowed ? room - cost : room);
    const used = allowed ? current + cost : current;
    finding.resetAfterMs = used > 0 ? startMs + 2 * windowMs - nowMs : previous > 0 ? startMs + windowMs - nowMs : 0;
    finding.epochMs = rolled.startMs;
    if (allowed) {
      finding.retryAfterMs = 0;
    } else if (cost > limit) {
      finding.retryAfterMs = undefined;
    } else if (current + cost <= limit) {
      finding.retryAfterMs = startMs + fadedAfterMs(previous, limit - current - cost, windowMs) - nowMs;
    } else {
      finding.retryAfterMs = startMs + windowMs + fadedAfterMs(current, limit - cost, windowMs) - nowMs;
    }
  },

  charge(cells, at, { windowMs }, nowMs, cost) {
    roll(cells, at, windowMs, nowMs);
    cells[at + START_MS] = rolled.startMs;
    cells[at + PREVIOUS] = rolled.previous;
    cells[at + CURRENT] = rolled.current + cost;
  },

  restore(cells, at, { windowMs }, nowMs, cost, epochMs) {
    const startMs = cells[at + START_MS] as number;
    const current = cells[at + CURRENT] as number;
    if (current === 0 || startMs !== epochMs || nowMs - timeOf(startMs) >= windowMs) return false;
    cells[at + CURRENT] = Math.max(0, current - cost);
    return true;
  },

  clear(cells, at, nowMs) {
    if (timeOf(cells[at + START_MS] as number) !== nowMs) return false;
    cells[at + PREVIOUS] = 0;
    cells[at + CURRENT] = 0;
    return true;
  },
});

const judge = /* @__PURE__ */ cellJudge(slidingWindowAlgorithm);

export const slidingWindowRemote: RemoteForm<SlidingWindowPolicy, readonly number[]> = {
  number: 3,
  numbers: windowNumbers,

  /** Reads `startMs`, `previous` and `current`. If nothing is used, `startMs` is the name that the next window would get. */
  read(reply) {
    const cells = readCells(reply, 3);
    if (cells[PREVIOUS] === 0 && cells[CURRENT] === 0) cells[START_MS] = epochBefore(cells[START_MS] as number);
    return judge;
  },

  earliestMs: ([startMs = 0, previous = 0, current = 0]) => (previous > 0 || current > 0 ? timeOf(startMs) : 0),
};

type Window = readonly [startMs: number, previous: number, current: number];

/**
 * In the same window, the larger of each count. Otherwise the younger window, plus the amount by which the older one counts
 * more now. Nothing is added if the younger one counts as much now and later.
 */
export const slidingWindowMerge: StateMerge<readonly number[]> = {
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
};

function joinWindows(arriving: Window, there: Window, { ms, exact }: KnownWindow, nowMs: number): Window {
  const [arrivingMs, thereMs] = [timeOf(arriving[0]), timeOf(there[0])];
  if (arrivingMs === thereMs) {
    return [there[0], Math.max(arriving[1], there[1]), Math.max(arriving[2], there[2])];
  }
  const [older, younger] = arrivingMs < thereMs ? [arriving, there] : [there, arriving];
  const [startMs, previous, current] = younger;
  const [usedInOlder, usedInYounger] = [unitsIn(older, ms, nowMs), unitsIn(younger, ms, nowMs)];
  const hasEnded = nowMs - timeOf(startMs) >= ms;
  // Both fall in straight lines from here on. The older one reaches 0 first, so the larger one stays the larger.
  const isStraight = hasEnded || timeOf(startMs) >= timeOf(older[0]) + ms;
  if (isStraight && usedInYounger >= usedInOlder) return younger;
  if (!hasEnded) return [startMs, previous, Math.max(current, wholeUnits(usedInOlder, ms))];
  if (!exact) return [nowMs, 0, wholeUnits(usedInOlder, ms)];
  // Uses the window after the younger one. The usage of the younger one keeps fading there, and the shortfall to the older
  // one is added.
  return [timeOf(startMs) + ms, current, wholeUnits(usedInOlder - usedInYounger, ms)];
}

/**
 * The current usage in fractions of a unit, whose denominator is the window in milliseconds. A bigint, because the product
 * may exceed 2^53.
 */
function unitsIn([startMs, previous, current]: Window, windowMs: number, nowMs: number): bigint {
  const sinceMs = Math.max(0, nowMs - timeOf(startMs));
  if (sinceMs >= 2 * windowMs) return 0n;
  if (sinceMs >= windowMs) return BigInt(current) * BigInt(2 * windowMs - sinceMs);
  return BigInt(current) * BigInt(windowMs) + BigInt(previous) * BigInt(windowMs - sinceMs);
}

function wholeUnits(parts: bigint, windowMs: number): number {
  return Number((parts + BigInt(windowMs) - 1n) / BigInt(windowMs));
}
