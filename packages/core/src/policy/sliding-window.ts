import { type CellAlgorithm, type Cells, cellAlgorithm } from "./cells.js";
import { epochAfter, timeOf } from "./epoch.js";
import type { SlidingWindowPolicy } from "./policy.js";
import { floorOfRatio } from "./ratio.js";

/** Names the window: see `epoch.ts`. */
const START_MS = 0;
const PREVIOUS = 1;
const CURRENT = 2;

/** Where the cells stand at `nowMs`. One object for all calls: it is read before the next call fills it again. */
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
  // Nothing counts, also when all of it was refunded: the next request starts a window, as a key's first does.
  if (rolled.previous === 0 && rolled.current === 0) rolled.startMs = epochAfter(startMs, nowMs);
}

/** The share of the previous count that still lies in the window, rounded up: an estimate that errs on the safe side. */
function weighted(previous: number, leftMs: number, windowMs: number): number {
  return previous - floorOfRatio(windowMs - leftMs, previous, windowMs);
}

/** The time from the start of a window at which `previous` has faded to at most `room`. */
function fadedAfterMs(previous: number, room: number, windowMs: number): number {
  return windowMs - floorOfRatio(room, windowMs, previous);
}

/**
 * The two-counter estimate of a sliding window: what was used is the count of this window plus the share of the one
 * before that still overlaps (S. Figueiredo Neto, "How we built rate limiting capable of scaling to millions of domains",
 * Cloudflare 2017). Windows count from a key's first request. State: `[startMs, previous, current]`.
 */
export const slidingWindowAlgorithm: CellAlgorithm<SlidingWindowPolicy> = cellAlgorithm<SlidingWindowPolicy>({
  name: "sliding-window",
  width: 3,

  quota: ({ limit, windowMs }) => ({ limit, windowMs }),

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
