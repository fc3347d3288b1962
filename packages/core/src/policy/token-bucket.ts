import { type CellAlgorithm, type Cells, cellAlgorithm } from "./cells.js";
import type { TokenBucketPolicy } from "./policy.js";
import { floorOfRatio } from "./ratio.js";

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
/** Names the time since the bucket was last full. A refund of a charge from before it does nothing. */
const BUSY_SINCE_MS = 4;

/** Units missing from a full bucket. Past 2^53 it is inexact, and larger than any bucket. */
function missing(cells: Cells, at: number, nowMs: number): number {
  const aheadMs = (cells[at + FULL_AT_MS] as number) - nowMs;
  if (!(aheadMs >= 0)) return 0;
  return aheadMs * (cells[at + RATE] as number) + (cells[at + FULL_AT_NUMERATOR] as number);
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

/** Units of a bucket with another interval as units of this one, rounded up, and no more than the bucket holds. */
function converted(units: number, oldIntervalMs: number, { intervalMs, burst }: TokenBucketPolicy): number {
  const whole = Math.floor(units / oldIntervalMs);
  // More than any bucket holds: the clock has stepped back.
  if (whole >= burst || units > Number.MAX_SAFE_INTEGER) return burst * intervalMs;
  const rest = units - whole * oldIntervalMs;
  const restUnits = intervalMs - floorOfRatio(oldIntervalMs - rest, intervalMs, oldIntervalMs);
  return whole * intervalMs + restUnits;
}

/** The name of a busy period that starts at `nowMs`, after one with another name. */
function nextBusySince(busySinceMs: number, nowMs: number): number {
  return busySinceMs >= nowMs ? busySinceMs + 1 : nowMs;
}

/** Corrects a bucket of other numbers, and one that lacks more than it holds. False if there was nothing to correct. */
function repair(cells: Cells, at: number, policy: TokenBucketPolicy, nowMs: number): boolean {
  const units = missing(cells, at, nowMs);
  if (units === 0) return false;
  const { rate, intervalMs, burst } = policy;
  const full = burst * intervalMs;
  const oldIntervalMs = cells[at + INTERVAL_MS] as number;
  const isConverted = cells[at + RATE] !== rate || oldIntervalMs !== intervalMs;
  if (!isConverted && units <= full) return false;
  setMissing(cells, at, policy, nowMs, isConverted ? converted(units, oldIntervalMs, policy) : full);
  cells[at + BUSY_SINCE_MS] = nextBusySince(cells[at + BUSY_SINCE_MS] as number, nowMs);
  return true;
}

/** The generic cell rate algorithm as a token bucket. State: `[fullAtMs, numerator, rate, intervalMs, busySinceMs]`. */
export const tokenBucketAlgorithm: CellAlgorithm<TokenBucketPolicy> = cellAlgorithm<TokenBucketPolicy>({
  name: "token-bucket",
  width: 5,

  quota: ({ rate, intervalMs, burst }) => ({ limit: burst, windowMs: Math.ceil((burst * intervalMs) / rate) }),

  correct(cells, at, policy, nowMs) {
    const aheadMs = (cells[at + FULL_AT_MS] as number) - nowMs;
    if (!(aheadMs >= 0)) return false;
    // Nearly always right, so the rest is a function of its own: this one stays small enough to be inlined.
    const isOurs = cells[at + RATE] === policy.rate && cells[at + INTERVAL_MS] === policy.intervalMs;
    if (isOurs && (aheadMs + 1) * policy.rate <= policy.burst * policy.intervalMs) return false;
    return repair(cells, at, policy, nowMs);
  },

  judge(cells, at, policy, nowMs, cost, finding) {
    const { rate, intervalMs, burst } = policy;
    const used = missing(cells, at, nowMs);
    const room = burst * intervalMs - used;
    const asked = cost * intervalMs;
    const allowed = cost === 0 || asked <= room;
    const left = allowed ? room - asked : room;
    finding.allowed = allowed;
    finding.remaining = left > 0 ? Math.floor(left / intervalMs) : 0;
    finding.resetAfterMs = Math.ceil((used + (allowed ? asked : 0)) / rate);
    finding.retryAfterMs = allowed ? 0 : cost > burst ? undefined : Math.ceil((asked - room) / rate);
    const busySinceMs = cells[at + BUSY_SINCE_MS] as number;
    finding.epochMs = used > 0 ? busySinceMs : nextBusySince(busySinceMs, nowMs);
  },

  charge(cells, at, policy, nowMs, cost) {
    const used = missing(cells, at, nowMs);
    if (used === 0) cells[at + BUSY_SINCE_MS] = nextBusySince(cells[at + BUSY_SINCE_MS] as number, nowMs);
    setMissing(cells, at, policy, nowMs, used + cost * policy.intervalMs);
  },

  restore(cells, at, policy, nowMs, cost, epochMs, chargedAtMs) {
    const used = missing(cells, at, nowMs);
    if (used === 0 || cells[at + BUSY_SINCE_MS] !== epochMs) return false;
    // Time has refilled the rest: others used what came back.
    const units = cost * policy.intervalMs - policy.rate * Math.max(0, nowMs - chargedAtMs);
    if (units <= 0) return false;
    setMissing(cells, at, policy, nowMs, Math.max(0, used - units));
    return true;
  },

  clear(cells, at, nowMs) {
    if (!((cells[at + BUSY_SINCE_MS] as number) >= nowMs)) return false;
    cells[at + FULL_AT_MS] = nowMs;
    cells[at + FULL_AT_NUMERATOR] = 0;
    return true;
  },
});
