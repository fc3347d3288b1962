import { type Duration, parseDuration } from "../duration.js";
import { invalidOption, SluiceError, show } from "../errors.js";
import { rejectUnknown } from "../unknown-option.js";

/**
 * A named limit as plain, frozen, JSON-serialisable data. Made by {@link tokenBucket}, {@link fixedWindow},
 * {@link slidingWindow} or {@link slidingLog}, or written out for an algorithm of your own.
 */
export interface Policy {
  /** Appears in headers and in the stored key: 1 to 128 printable ASCII characters, unique within a limiter. */
  readonly name: string;
  /** The {@link Algorithm} that reads the rest. */
  readonly algorithm: string;
}

/** What a policy grants, in the terms of the RateLimit-Policy field. */
export interface Quota {
  /** The most units that can be granted at once. */
  readonly limit: number;
  /** The time in which `limit` units come back, in milliseconds. */
  readonly windowMs: number;
}

/** `rate` units per `intervalMs`, refilled continuously, at most `burst` saved up. */
export interface TokenBucketPolicy extends Policy {
  readonly algorithm: "token-bucket";
  readonly rate: number;
  readonly intervalMs: number;
  readonly burst: number;
}

/** `limit` units in a window of `windowMs`. */
export interface WindowPolicy extends Policy {
  readonly limit: number;
  readonly windowMs: number;
}

/** `limit` units in a window that starts at the first request of a key. */
export interface FixedWindowPolicy extends WindowPolicy {
  readonly algorithm: "fixed-window";
}

/** `limit` units in any window, estimated from two counters. */
export interface SlidingWindowPolicy extends WindowPolicy {
  readonly algorithm: "sliding-window";
}

/** `limit` units in any window, exactly. */
export interface SlidingLogPolicy extends WindowPolicy {
  readonly algorithm: "sliding-log";
}

/** Options of {@link tokenBucket}. */
export interface TokenBucketOptions {
  /** Printable ASCII, unique within a limiter. Default `"default"`. */
  name?: string | undefined;
  /** Units that come back per interval: a whole number of 1 or more. Default 100. */
  rate?: number | undefined;
  /** Default `"1s"`. */
  interval?: Duration | undefined;
  /** The most units saved up, so the most granted at once. Default: `rate`. */
  burst?: number | undefined;
}

/** Options of {@link fixedWindow}, {@link slidingWindow} and {@link slidingLog}. */
export interface WindowOptions {
  /** Printable ASCII, unique within a limiter. Default `"default"`. */
  name?: string | undefined;
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
  const policy: TokenBucketPolicy = {
    name: checkName(name),
    algorithm: "token-bucket",
    ...ratio(checkCount("rate", rate), parseDuration(interval, "interval"), checkCount("burst", burst)),
    burst,
  };
  return Object.freeze(policy);
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
  return Object.freeze({ algorithm: "fixed-window", ...windowPolicy(options, "fixedWindow") });
}

/**
 * `limit` units in any stretch of `window`, estimated from the counts of this window and the one before, as if requests came
 * evenly: as small as a fixed window, and without its double spending. A client that picks its times can get up to two limits
 * in one window. The limit is at most 2^30.
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
  return Object.freeze({ algorithm: "sliding-window", ...policy });
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
  return Object.freeze({ algorithm: "sliding-log", ...windowPolicy(options, "slidingLog") });
}

function windowPolicy(options: WindowOptions, maker: string): Omit<WindowPolicy, "algorithm"> {
  rejectUnknown(options, ["name", "limit", "window"], maker);
  const { name = "default", limit, window } = options;
  return { name: checkName(name), limit: checkCount("limit", limit), windowMs: parseDuration(window, "window") };
}

/** The policies of the algorithms that come with Sluice. */
export type BuiltInPolicy = TokenBucketPolicy | FixedWindowPolicy | SlidingWindowPolicy | SlidingLogPolicy;

const BUILT_IN: Readonly<Record<BuiltInPolicy["algorithm"], true>> = {
  "token-bucket": true,
  "fixed-window": true,
  "sliding-window": true,
  "sliding-log": true,
};

/** Whether a policy names an algorithm that comes with Sluice. Its numbers may still be anything. */
export function isBuiltInPolicy(policy: Policy): policy is BuiltInPolicy {
  return Object.hasOwn(BUILT_IN, policy.algorithm);
}

/**
 * A policy that may have been written by hand or read from a file, checked and frozen.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function remakePolicy({ algorithm, ...policy }: BuiltInPolicy): BuiltInPolicy {
  if (algorithm === "token-bucket") {
    rejectUnknown(policy, ["name", "rate", "intervalMs", "burst"], `a policy with algorithm "${algorithm}"`);
    const { name, rate, intervalMs, burst } = policy as TokenBucketPolicy;
    // A default is for those who leave an option out of a call; data that lacks a number is broken.
    checkCount("rate", rate);
    checkCount("burst", burst);
    return tokenBucket({ name, rate, burst, interval: parseDuration(intervalMs, "intervalMs") });
  }
  rejectUnknown(policy, ["name", "limit", "windowMs"], `a policy with algorithm "${algorithm}"`);
  const { name, limit, windowMs } = policy as FixedWindowPolicy;
  const options = { name, limit, window: parseDuration(windowMs, "windowMs") };
  if (algorithm === "fixed-window") return fixedWindow(options);
  return algorithm === "sliding-window" ? slidingWindow(options) : slidingLog(options);
}

/** @throws SluiceError `INVALID_OPTION` unless the name can stand in a header and a stored key */
export function checkName(name: string): string {
  if (typeof name !== "string" || !/^[\x20-\x7e]{1,128}$/.test(name)) {
    throw invalidOption("name", name, "give 1 to 128 printable ASCII characters: the name appears in headers");
  }
  return name;
}

export function checkCount(option: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw invalidOption(option, value, "give a whole number from 1 to 2^53 - 1");
  }
  return value;
}

/** @throws SluiceError `INVALID_COST` unless it is a whole number of 1 or more */
export function checkCost(cost: number): number {
  if (!Number.isSafeInteger(cost) || cost < 1) {
    throw new SluiceError("INVALID_COST", `cost is ${show(cost)}: give a whole number from 1 to 2^53 - 1`);
  }
  return cost;
}

/** Euclid's algorithm. */
function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
