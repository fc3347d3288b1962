import { type Duration, parseDuration } from "../duration.js";
import { invalidOption } from "../errors.js";
import { rejectUnknown } from "../unknown-option.js";
import { countedBy } from "./counted-by.js";
import { fixedWindowAlgorithm } from "./fixed-window.js";
import {
  checkCount,
  checkName,
  type FixedWindowPolicy,
  type SlidingLogPolicy,
  type SlidingWindowPolicy,
  type TokenBucketPolicy,
  type WindowPolicy,
} from "./policy.js";
import { slidingLogAlgorithm } from "./sliding-log.js";
import { slidingWindowAlgorithm } from "./sliding-window.js";
import { tokenBucketAlgorithm } from "./token-bucket.js";

/** Options of {@link tokenBucket}. */
export interface TokenBucketOptions {
  /** Printable ASCII, unique within a limiter. Default `"default"`. */
  name?: string;
  /** Units that come back per interval: a whole number of 1 or more. Default 100. */
  rate?: number;
  /** Default `"1s"`. */
  interval?: Duration;
  /** The most units saved up, so the most granted at once. Default: `rate`. */
  burst?: number;
}

/** Options of {@link fixedWindow}, {@link slidingWindow} and {@link slidingLog}. */
export interface WindowOptions {
  /** Printable ASCII, unique within a limiter. Default `"default"`. */
  name?: string;
  /** Units per window: a whole number of 1 or more. */
  limit: number;
  /** The length of the window. */
  window: Duration;
}

/**
 * The usual choice: a bucket of `burst` tokens that starts full and refills continuously at `rate` per `interval`.
 * A client may save up a burst and never gets more than the rate in the long run, exactly, also for 7 per second.
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
  rejectUnknown(options, ["name", "rate", "interval", "burst"], "tokenBucket");
  const { name = "default", rate = 100, interval = "1s", burst = rate } = options;
  const numbers = ratio(checkCount("rate", rate), parseDuration(interval, "interval"), checkCount("burst", burst));
  return countedBy(tokenBucketAlgorithm, { name: checkName(name), algorithm: "token-bucket", ...numbers, burst });
}

/** So that the time at which a bucket is full stays exact below 2^53. */
const LONGEST_FILL_MS: number = 2 ** 52;

/**
 * Rate and interval as given or, where `burst * interval` would pass 2^53 and be no longer exact, in lowest terms:
 * 1,000,000,000 per 30 days is 125 per 324 ms.
 */
function ratio(rate: number, intervalMs: number, burst: number): { rate: number; intervalMs: number } {
  if ((burst / rate) * intervalMs > LONGEST_FILL_MS) {
    throw invalidOption(
      "burst",
      burst,
      `at ${rate} per ${intervalMs} ms it would take ages to fill: give a smaller burst`,
    );
  }
  if (burst * intervalMs <= Number.MAX_SAFE_INTEGER) return { rate, intervalMs };
  const divisor = greatestCommonDivisor(rate, intervalMs);
  const most = Math.floor(Number.MAX_SAFE_INTEGER / (intervalMs / divisor));
  if (burst > most) {
    throw invalidOption(
      "burst",
      burst,
      `at ${rate} per ${intervalMs} ms it can be at most ${most} to be counted exactly: ` +
        "give a smaller burst, a shorter interval or a rounder rate",
    );
  }
  return { rate: rate / divisor, intervalMs: intervalMs / divisor };
}

/**
 * `limit` units in a window that starts at a key's first request; all of it comes back at once when the window ends.
 * The cheapest to reason about; a client can spend two limits around the end of a window.
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
  return countedBy(fixedWindowAlgorithm, { algorithm: "fixed-window", ...windowPolicy(options, "fixedWindow") });
}

/**
 * `limit` units in any stretch of `window`, estimated from the counts of this window and the one before: as small as a
 * fixed window, and without its double spending.
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
  const policy = windowPolicy(options, "slidingWindow");
  if (policy.limit > MAX_SLIDING_WINDOW_LIMIT) {
    throw invalidOption("limit", options.limit, `a sliding window counts up to ${MAX_SLIDING_WINDOW_LIMIT} exactly`);
  }
  return countedBy(slidingWindowAlgorithm, { algorithm: "sliding-window", ...policy });
}

/** 2^30: with windows up to 2^37 ms, the weighted count of a sliding window stays exact below 2^53. */
const MAX_SLIDING_WINDOW_LIMIT: number = 2 ** 30;

/**
 * `limit` units in any stretch of `window`, exactly: every grant is remembered until it leaves the window. State and
 * the work of a decision grow with the grants in a window, so use it for small limits (up to some hundreds).
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { slidingLog } from "@sluice/core";
 *
 * const policy = slidingLog({ name: "logins", limit: 5, window: "15m" });
 * ```
 */
export function slidingLog(options: WindowOptions): SlidingLogPolicy {
  return countedBy(slidingLogAlgorithm, { algorithm: "sliding-log", ...windowPolicy(options, "slidingLog") });
}

function windowPolicy(options: WindowOptions, maker: string): Omit<WindowPolicy, "algorithm"> {
  rejectUnknown(options, ["name", "limit", "window"], maker);
  const { name = "default", limit, window } = options;
  return { name: checkName(name), limit: checkCount("limit", limit), windowMs: parseDuration(window, "window") };
}

/** Euclid's algorithm. */
function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
