import type { RemoteForm, StateMerge } from "./built-in-algorithm.js";
import { type BuiltInCells, type Cells, cellAlgorithm } from "./cells.js";
import { epochAfter, epochBefore, timeOf } from "./epoch.js";
import type { Policy } from "./policy.js";
import { cellJudge, readCells } from "./reply.js";
import { checkWindow, type WindowOptions, windowNumbers, windowPolicy, windowQuota } from "./window.js";

/** `limit` units in a window of `windowMs` that starts at the first request of a key. */
export interface FixedWindowPolicy extends Policy {
  readonly algorithm: "fixed-window";
  readonly limit: number;
  readonly windowMs: number;
}

/**
 * `limit` units in a window that starts at a key's first request. The whole limit is available again when the window ends.
 * The easiest to reason about, but a client can spend two limits around the end of a window.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { fixedWindow } from "@sluice/core";
 *
 * const policy = fixedWindow({ name: "daily", limit: 10_000, window: "1d" });
 * ```
 */
export function fixedWindow(options: WindowOptions): FixedWindowPolicy {
  return windowPolicy(fixedWindowAlgorithm, options, "fixedWindow");
}

/** Names the window: see `epoch.ts`. */
const START_MS = 0;
const USED = 1;

/** Returns whether nothing counts any more: the window has ended, or everything used in it was refunded. */
function isOver(cells: Cells, at: number, windowMs: number, nowMs: number): boolean {
  return cells[at + USED] === 0 || nowMs - timeOf(cells[at + START_MS] as number) >= windowMs;
}

/** Restarts a window that starts in the future because the clock stepped back. Returns false if there is nothing to repair. */
function repair(cells: Cells, at: number, nowMs: number): boolean {
  if (cells[at + USED] === 0 || timeOf(cells[at + START_MS] as number) <= nowMs) return false;
  cells[at + START_MS] = nowMs;
  return true;
}

/** A counter and the start of its window, which is the key's first request. State: `[startMs, used]`. */
export const fixedWindowAlgorithm: BuiltInCells<FixedWindowPolicy> = cellAlgorithm<FixedWindowPolicy>({
  name: "fixed-window",
  width: 2,

  quota: windowQuota,
  check: (policy) => checkWindow(policy, fixedWindow),

  correct(cells, at, _policy, nowMs) {
    // This check is nearly always enough. The rest is a separate function, so that this one stays small enough to be
    // inlined.
    return (cells[at + START_MS] as number) > nowMs && repair(cells, at, nowMs);
  },

  judge(cells, at, { limit, windowMs }, nowMs, cost, finding) {
    let epochMs = cells[at + START_MS] as number;
    let used = cells[at + USED] as number;
    let leftMs = timeOf(epochMs) + windowMs - nowMs;
    if (used === 0 || leftMs <= 0) {
      epochMs = epochAfter(epochMs, nowMs);
      used = 0;
      leftMs = windowMs;
    }
    const allowed = cost === 0 || used + cost <= limit;
    if (allowed) used += cost;
    finding.allowed = allowed;
    finding.remaining = Math.max(0, limit - used);
    finding.resetAfterMs = used > 0 ? leftMs : 0;
    finding.retryAfterMs = allowed ? 0 : cost > limit ? undefined : leftMs;
    finding.epochMs = epochMs;
  },

  charge(cells, at, { windowMs }, nowMs, cost) {
    if (isOver(cells, at, windowMs, nowMs)) {
      cells[at + START_MS] = epochAfter(cells[at + START_MS] as number, nowMs);
      cells[at + USED] = cost;
    } else {
      cells[at + USED] = (cells[at + USED] as number) + cost;
    }
  },

  restore(cells, at, { windowMs }, nowMs, cost, epochMs) {
    if (cells[at + START_MS] !== epochMs || isOver(cells, at, windowMs, nowMs)) return false;
    cells[at + USED] = Math.max(0, (cells[at + USED] as number) - cost);
    return true;
  },

  clear(cells, at, nowMs) {
    if (timeOf(cells[at + START_MS] as number) !== nowMs) return false;
    cells[at + USED] = 0;
    return true;
  },
});

const judge = /* @__PURE__ */ cellJudge(fixedWindowAlgorithm);

export const fixedWindowRemote: RemoteForm<FixedWindowPolicy, readonly number[]> = {
  number: 2,
  numbers: windowNumbers,

  /** Reads `startMs` and `used`. If nothing is used, `startMs` is the name that the next window would get. */
  read(reply) {
    const cells = readCells(reply, 2);
    if (cells[USED] === 0) cells[START_MS] = epochBefore(cells[START_MS] as number);
    return judge;
  },

  earliestMs: ([startMs = 0, used = 0]) => (used > 0 ? timeOf(startMs) : 0),
};

/** The larger count, in the window that ends later. */
export const fixedWindowMerge: StateMerge<readonly number[]> = {
  windowOf: ([startMs = 0, used = 0], untilMs) => (used > 0 ? untilMs - timeOf(startMs) : undefined),
  join([arrivingStartMs = 0, arrivingUsed = 0], [startMs = 0, used = 0]) {
    if (used === 0) return [arrivingStartMs, arrivingUsed];
    const isLater = timeOf(arrivingStartMs) > timeOf(startMs);
    return [isLater ? arrivingStartMs : startMs, Math.max(used, arrivingUsed)];
  },
  untilOf: ([startMs = 0], windowMs) => timeOf(startMs) + windowMs,
};
