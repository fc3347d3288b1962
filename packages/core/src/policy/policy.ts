import { invalidOption, SluiceError, show } from "../errors.js";

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

/** The names of the algorithms that come with Sluice. */
export const BUILT_IN_ALGORITHMS: ReadonlySet<string> = new Set([
  "token-bucket",
  "fixed-window",
  "sliding-window",
  "sliding-log",
]);

/** The policies of the algorithms that come with Sluice. */
export type BuiltInPolicy = TokenBucketPolicy | FixedWindowPolicy | SlidingWindowPolicy | SlidingLogPolicy;

/** @throws SluiceError `INVALID_OPTION` unless the name can stand in a header and a stored key */
export function checkName(name: string): string {
  if (typeof name !== "string" || !/^[\x20-\x7e]{1,128}$/.test(name)) {
    throw invalidOption("name", name, "give 1 to 128 printable ASCII characters: the name appears in headers");
  }
  return name;
}

/** @throws SluiceError `INVALID_OPTION` unless it is a whole number of 1 or more */
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
