import { type CellAlgorithm, type Cells, cellAlgorithm } from "./cells.js";
import type { FixedWindowPolicy } from "./policy.js";

const START_MS = 0;
const USED = 1;

/** Whether nothing counts any more: the window is over, or all that was used in it was given back. */
function isOver(cells: Cells, at: number, windowMs: number, nowMs: number): boolean {
  return cells[at + USED] === 0 || nowMs - (cells[at + START_MS] as number) >= windowMs;
}

/** A counter and the start of its window, which is the key's first request. State: `[startMs, used]`. */
export const fixedWindowAlgorithm: CellAlgorithm<FixedWindowPolicy> = cellAlgorithm<FixedWindowPolicy>({
  name: "fixed-window",
  width: 2,

  quota: ({ limit, windowMs }) => ({ limit, windowMs }),

  judge(cells, at, { limit, windowMs }, nowMs, cost, finding) {
    let startMs = cells[at + START_MS] as number;
    let used = cells[at + USED] as number;
    if (isOver(cells, at, windowMs, nowMs)) {
      startMs = nowMs;
      used = 0;
    }
    const allowed = cost === 0 || used + cost <= limit;
    if (allowed) used += cost;
    finding.allowed = allowed;
    finding.remaining = Math.max(0, limit - used);
    finding.resetAfterMs = used > 0 ? startMs + windowMs - nowMs : 0;
    finding.retryAfterMs = allowed ? 0 : cost > limit ? undefined : startMs + windowMs - nowMs;
    finding.epochMs = startMs;
  },

  charge(cells, at, { windowMs }, nowMs, cost) {
    if (isOver(cells, at, windowMs, nowMs)) {
      cells[at + START_MS] = nowMs;
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
});
