import { invalidOption, SluiceError, show } from "../errors.js";

/**
 * A named limit as plain, frozen, JSON-serialisable data. Made by {@link tokenBucket}, {@link fixedWindow},
 * {@link slidingWindow} or {@link slidingLog}, or written out for a custom algorithm.
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

/** @throws SluiceError `INVALID_OPTION` unless the name can stand in a header and a stored key */
export function checkName(name: string, option = "name"): string {
  if (typeof name !== "string" || !/^[\x20-\x7e]{1,128}$/.test(name)) {
    throw invalidOption(option, name, "give 1 to 128 printable ASCII characters");
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
