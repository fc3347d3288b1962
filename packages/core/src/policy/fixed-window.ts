import { type CellAlgorithm, cellAlgorithm } from "./cells.js";
import type { FixedWindowPolicy } from "./policy.js";

const START_MS = 0;
const USED = 1;

/** A counter and the start of its window, which is the key's first request. State: `[startMs, used]`. */
export const fixedWindowAlgorithm: CellAlgorithm<FixedWindowPolicy> = cellAlgorithm<FixedWindowPolicy>({
  name: "fixed-window",
  width: 2,

  quota: ({ limit, windowMs }) => ({ limit, windowMs }),

  judge(cells, at, { limit, windowMs }, nowMs, cost, finding) {
    let startMs = cells[at + START_MS] as number;
    let used = cells[at + USED] as number;
    if (nowMs - startMs >= windowMs) {
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
    if (nowMs - (cells[at + START_MS] as number) >= windowMs) {
      cells[at + START_MS] = nowMs;
      cells[at + USED] = cost;
    } else {
      cells[at + USED] = (cells[at + USED] as number) + cost;
    }
  },

  restore(cells, at, { windowMs }, nowMs, cost, epochMs) {
    const startMs = cells[at + START_MS] as number;
    if (startMs !== epochMs || nowMs - startMs >= windowMs) return false;
    cells[at + USED] = Math.max(0, (cells[at + USED] as number) - cost);
    return true;
  },
});
