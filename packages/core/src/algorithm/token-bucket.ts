import { type Duration, parseDuration } from "../duration.js";
import { invalidOption } from "../errors.js";
import { check, checkOptions } from "../options.js";
import { withAlgorithm } from "./brought.js";
import type { RemoteForm, StateMerge } from "./built-in-algorithm.js";
import { type BuiltInCells, type Cells, cellAlgorithm } from "./cells.js";
import { COUNT, NAME, type Policy } from "./policy.js";
import { floorOfRatio } from "./ratio.js";
import { cellJudge, readCells } from "./reply.js";

/** `rate` units per `intervalMs`, refilled continuously, with at most `burst` saved up. */
export interface TokenBucketPolicy extends Policy {
  readonly algorithm: "token-bucket";
  readonly rate: number;
  readonly intervalMs: number;
  readonly burst: number;
}

/** Options of {@link tokenBucket}. */
export interface TokenBucketOptions {
  /** Printable ASCII, unique within a limiter. Default `"default"`. */
  name?: string | undefined;
  /** Units restored per interval: a whole number of 1 or more. Default 100. */
  rate?: number | undefined;
  /** Default `"1s"`. */
  interval?: Duration | undefined;
  /** The most units saved up, and so the most granted at once. Default: `rate`. */
  burst?: number | undefined;
}

/**
 * The usual choice: a bucket of `burst` tokens that starts full and refills continuously at `rate` per `interval`. A client
 * may save up a burst but never gets more than the rate in the long run. Rates such as 7 per second are exact too.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { tokenBucket } from "@sluice/core";
 *
 * const policy = tokenBucket({ rate: 100, interval: "1s", burst: 200 });
 * ```
 */
export function tokenBucket(options: TokenBucketOptions = {}): TokenBucketPolicy {
  checkOptions(options, { name: NAME, rate: COUNT, interval: "any", burst: COUNT }, "tokenBucket");
  const { name = "default", rate = 100, interval = "1s", burst = rate } = options;
  const policy: TokenBucketPolicy = {
    name,
    algorithm: "token-bucket",
    ...ratio(rate, parseDuration(interval, "interval"), burst),
    burst,
  };
  return withAlgorithm(policy, tokenBucketAlgorithm);
}

/** Keeps the time at which a bucket is full exact, below 2^53. */
const LONGEST_FILL_MS: number = 2 ** 52;

/**
 * The rate and interval as they are if `burst * interval` is at most 2^53. Otherwise reduces them to lowest terms to keep
 * counts exact: 1,000,000,000 per 30 days becomes 125 per 324 ms.
 */
function ratio(rate: number, intervalMs: number, burst: number): { rate: number; intervalMs: number } {
  const isExact = burst * intervalMs <= Number.MAX_SAFE_INTEGER;
  const divisor = isExact ? 1 : greatestCommonDivisor(rate, intervalMs);
  const most = Math.floor(
    Math.min(Number.MAX_SAFE_INTEGER / (intervalMs / divisor), (LONGEST_FILL_MS / intervalMs) * rate),
  );
  if (burst > most) {
    throw invalidOption("burst", burst, `be at most ${most} for exact counts with rate ${rate} per ${intervalMs} ms`);
  }
  return { rate: rate / divisor, intervalMs: intervalMs / divisor };
}

/** Euclid's algorithm. */
function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Checks a policy that may be data from a file, and creates it again. */
function checkTokenBucket({ algorithm, ...numbers }: TokenBucketPolicy): TokenBucketPolicy {
  const rules = { name: "any", rate: "any", intervalMs: "any", burst: "any" } as const;
  checkOptions(numbers, rules, `a policy with algorithm "${algorithm}"`);
  const { name, rate, intervalMs, burst } = numbers;
  // Only calls get defaults for missing options. Data that lacks a number is broken.
  check("rate", rate, COUNT);
  check("burst", burst, COUNT);
  return tokenBucket({ name, rate, burst, interval: parseDuration(intervalMs, "intervalMs") });
}

/*
 * The bucket is kept as the generic cell rate algorithm (ITU-T I.371, annex A; also called leaky bucket as a meter). It
 * stores one time, the theoretical arrival time, at which the bucket is full again. That time is stored as whole
 * milliseconds and a numerator over `rate`, so that no rate is rounded. Below, amounts are in units of 1 / intervalMs of a
 * token: a token is `intervalMs` units, and a millisecond refills `rate` units. So every number stays whole and below 2^53.
 */
const FULL_AT_MS = 0;
const FULL_AT_NUMERATOR = 1;
const RATE = 2;
const INTERVAL_MS = 3;
/** The time since the bucket was last full, as a name. A refund of an earlier charge does nothing. */
const BUSY_SINCE_MS = 4;

/** Units missing from a full bucket. Above 2^53 the result is inexact, but larger than any bucket. */
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
  // The remainder. `%` takes five times as long, because it calls a C function for numbers above 2^31.
  cells[at + FULL_AT_NUMERATOR] = units - aheadMs * rate;
  cells[at + RATE] = rate;
  cells[at + INTERVAL_MS] = intervalMs;
}

/** Converts units of a bucket with another interval, rounded up, to at most the units that this bucket holds. */
function converted(units: number, oldIntervalMs: number, { intervalMs, burst }: TokenBucketPolicy): number {
  const whole = Math.floor(units / oldIntervalMs);
  // More than any bucket holds: the clock has stepped back.
  if (whole >= burst || units > Number.MAX_SAFE_INTEGER) return burst * intervalMs;
  const rest = units - whole * oldIntervalMs;
  const restUnits = intervalMs - floorOfRatio(oldIntervalMs - rest, intervalMs, oldIntervalMs);
  return whole * intervalMs + restUnits;
}

/** The name of a busy period that starts at `nowMs` and follows the one named `busySinceMs`. */
function nextBusySince(busySinceMs: number, nowMs: number): number {
  return busySinceMs >= nowMs ? busySinceMs + 1 : nowMs;
}

/** Corrects a bucket that has other numbers or lacks more than it holds. Returns false if there was nothing to correct. */
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
export const tokenBucketAlgorithm: BuiltInCells<TokenBucketPolicy> = cellAlgorithm<TokenBucketPolicy>({
  name: "token-bucket",
  width: 5,
  check: checkTokenBucket,

  quota: ({ rate, intervalMs, burst }) => ({ limit: burst, windowMs: Math.ceil((burst * intervalMs) / rate) }),

  // The rest refills at the rate. If nothing remains, the next whole token is what the client waits for.
  spreadMs({ rate, intervalMs }, { remaining, limit, resetAfterMs }) {
    if (remaining > 0) return (remaining * intervalMs) / rate;
    return resetAfterMs - ((limit - 1) * intervalMs) / rate;
  },

  correct(cells, at, policy, nowMs) {
    const aheadMs = (cells[at + FULL_AT_MS] as number) - nowMs;
    if (!(aheadMs >= 0)) return false;
    // This check nearly always succeeds. The rest is a separate function, so that this one stays small enough to be
    // inlined.
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
    // Units that were refilled since the charge are not refunded: others may have used them.
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

const judge = /* @__PURE__ */ cellJudge(tokenBucketAlgorithm);

export const tokenBucketRemote: RemoteForm<TokenBucketPolicy, readonly number[]> = {
  number: 1,
  numbers: ({ rate, intervalMs, burst }) => [rate, intervalMs, burst],

  /** Reads `fullAtMs`, `numerator` and `busySinceMs`. If the bucket is full, the last is the name of the next busy period. */
  read(reply, { rate, intervalMs }, nowMs) {
    const cells = readCells(reply, 3);
    const busySinceMs = cells[2] as number;
    const isFull = cells[FULL_AT_MS] === nowMs && cells[FULL_AT_NUMERATOR] === 0;
    cells[RATE] = rate;
    cells[INTERVAL_MS] = intervalMs;
    cells[BUSY_SINCE_MS] = isFull ? busySinceMs - 1 : busySinceMs;
    return judge;
  },

  earliestMs([fullAtMs = 0, numerator = 0, oldRate, oldIntervalMs], { rate, intervalMs, burst }) {
    if (oldRate !== rate || oldIntervalMs !== intervalMs) return 0;
    return fullAtMs - Math.floor((burst * intervalMs - numerator) / rate);
  },
};

/** The bucket that lacks more tokens. */
export const tokenBucketMerge: StateMerge<readonly number[]> = {
  // The state contains the time at which the bucket is full.
  windowOf: () => 0,
  join: (arriving, there, _, nowMs) =>
    missingTokens(arriving, nowMs) > missingTokens(there, nowMs) ? arriving : there,
  untilOf: ([fullAtMs = 0, numerator = 0]) => (numerator > 0 ? fullAtMs + 1 : fullAtMs),
};

/** Tokens that a bucket lacks. */
function missingTokens(
  [fullAtMs = 0, numerator = 0, rate = 1, intervalMs = 1]: readonly number[],
  nowMs: number,
): number {
  return fullAtMs < nowMs ? 0 : ((fullAtMs - nowMs) * rate + numerator) / intervalMs;
}
