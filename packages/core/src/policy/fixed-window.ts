import { type CellAlgorithm, type Cells, cellAlgorithm } from "./cells.js";
import { epochAfter, timeOf } from "./epoch.js";
import type { FixedWindowPolicy } from "./policy.js";

/** Names the window: see `epoch.ts`. */
const START_MS = 0;
const USED = 1;

/** Whether nothing counts any more: the window is over, or all that was used in it was refunded. */
function isOver(cells: Cells, at: number, windowMs: number, nowMs: number): boolean {
  return cells[at + USED] === 0 || nowMs - timeOf(cells[at + START_MS] as number) >= windowMs;
}

/** A counter and the start of its window, which is the key's first request. State: `[startMs, used]`. */
export const fixedWindowAlgorithm: CellAlgorithm<FixedWindowPolicy> = cellAlgorithm<FixedWindowPolicy>({
  name: "fixed-window",
  width: 2,

  quota: ({ limit, windowMs }) => ({ limit, windowMs }),

  correct(cells, at, _policy, nowMs) {
    if (cells[at + USED] === 0 || !(timeOf(cells[at + START_MS] as number) > nowMs)) return false;
    cells[at + START_MS] = nowMs;
    return true;
  },

  judge(cells, at, { limit, windowMs }, nowMs, cost, finding) {
    let startMs = cells[at + START_MS] as number;
    let used = cells[at + USED] as number;
    if (isOver(cells, at, windowMs, nowMs)) {
      startMs = epochAfter(startMs, nowMs);
      used = 0;
    }
    const allowed = cost === 0 || used + cost <= limit;
    if (allowed) used += cost;
    const leftMs = timeOf(startMs) + windowMs - nowMs;
    finding.allowed = allowed;
    finding.remaining = Math.max(0, limit - used);
    finding.resetAfterMs = used > 0 ? leftMs : 0;
    finding.retryAfterMs = allowed ? 0 : cost > limit ? undefined : leftMs;
    finding.epochMs = startMs;
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
