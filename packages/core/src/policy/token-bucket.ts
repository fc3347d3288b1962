import { type CellAlgorithm, type Cells, cellAlgorithm } from "./cells.js";
import type { TokenBucketPolicy } from "./policy.js";

/*
 * The bucket is kept as the generic cell rate algorithm (ITU-T I.371, annex A; also called leaky bucket as a meter):
 * one time, the theoretical arrival time, at which the bucket is full again. It is held as whole milliseconds and a
 * numerator over `rate`, so that no rate is rounded. Below, amounts are counted in units of 1 / intervalMs of a token:
 * a token is `intervalMs` units, a millisecond brings `rate` units, and every number stays a whole number below 2^53.
 */
const FULL_AT_MS = 0;
const FULL_AT_NUMERATOR = 1;
const RATE = 2;
const INTERVAL_MS = 3;
/** When the bucket was last full: what was charged before then has come back already and can't be refunded. */
const BUSY_SINCE_MS = 4;

/** Units missing from a full bucket. Past 2^53 it is inexact, and larger than any bucket. */
function missing(cells: Cells, at: number, policy: TokenBucketPolicy, nowMs: number): number {
  const aheadMs = (cells[at + FULL_AT_MS] as number) - nowMs;
  if (!(aheadMs >= 0)) return 0;
  const rate = cells[at + RATE] as number;
  const units = aheadMs * rate + (cells[at + FULL_AT_NUMERATOR] as number);
  if (rate === policy.rate && cells[at + INTERVAL_MS] === policy.intervalMs) return units;
  // The policy's numbers changed: what was used stays used, as whole tokens of the new bucket.
  return Math.min(Math.ceil(units / (cells[at + INTERVAL_MS] as number)), policy.burst) * policy.intervalMs;
}

function setMissing(
  cells: Cells,
  at: number,
  { rate, intervalMs }: TokenBucketPolicy,
  nowMs: number,
  units: number,
): void {
  const aheadMs = Math.floor(units / rate);
  cells[at + FULL_AT_MS] = nowMs + aheadMs;
  // The remainder, at a fifth of the price of `%`, which calls out to C for numbers past 2^31.
  cells[at + FULL_AT_NUMERATOR] = units - aheadMs * rate;
  cells[at + RATE] = rate;
  cells[at + INTERVAL_MS] = intervalMs;
}

/** The generic cell rate algorithm as a token bucket. State: `[fullAtMs, numerator, rate, intervalMs, busySinceMs]`. */
export const tokenBucketAlgorithm: CellAlgorithm<TokenBucketPolicy> = cellAlgorithm<TokenBucketPolicy>({
  name: "token-bucket",
  width: 5,

  quota: ({ rate, intervalMs, burst }) => ({ limit: burst, windowMs: Math.ceil((burst * intervalMs) / rate) }),

  judge(cells, at, policy, nowMs, cost, finding) {
    const { rate, intervalMs, burst } = policy;
    const used = missing(cells, at, policy, nowMs);
    const room = burst * intervalMs - used;
    const asked = cost * intervalMs;
    const allowed = cost === 0 || asked <= room;
    const left = allowed ? room - asked : room;
    finding.allowed = allowed;
    finding.remaining = left > 0 ? Math.floor(left / intervalMs) : 0;
    finding.resetAfterMs = Math.ceil((used + (allowed ? asked : 0)) / rate);
    finding.retryAfterMs = allowed ? 0 : cost > burst ? undefined : Math.ceil((asked - room) / rate);
    finding.epochMs = used > 0 ? (cells[at + BUSY_SINCE_MS] as number) : nowMs;
  },

  charge(cells, at, policy, nowMs, cost) {
    const { intervalMs } = policy;
    const used = missing(cells, at, policy, nowMs);
    if (used === 0) cells[at + BUSY_SINCE_MS] = nowMs;
    setMissing(cells, at, policy, nowMs, used + cost * intervalMs);
  },

  restore(cells, at, policy, nowMs, cost, epochMs) {
    const used = missing(cells, at, policy, nowMs);
    if (used === 0 || cells[at + BUSY_SINCE_MS] !== epochMs) return false;
    setMissing(cells, at, policy, nowMs, Math.max(0, used - cost * policy.intervalMs));
    return true;
  },
});
