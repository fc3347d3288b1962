import { SluiceError, show } from "../errors.js";
import type { Rule } from "../options.js";

/**
 * A named limit as plain, frozen, JSON-serialisable data. Created by {@link tokenBucket}, {@link fixedWindow}, {@link
 * slidingWindow} or {@link slidingLog}, or written by hand for a custom algorithm.
 */
export interface Policy {
  /** Appears in headers and in the stored key: 1 to 128 printable ASCII characters, unique within a limiter. */
  readonly name: string;
  /** The name of the {@link Algorithm} that reads the other properties. */
  readonly algorithm: string;
}

/** The quota of a policy, in the terms of the RateLimit-Policy field. */
export interface Quota {
  /** The most units that can be granted at once. */
  readonly limit: number;
  /** The time in which `limit` units are restored, in milliseconds. */
  readonly windowMs: number;
}

/** Policy names must fit into a header and a stored key. */
export const NAME: Rule = { characters: 128 };

/** Units of a quota. */
export const COUNT: Rule = { min: 1 };

/** @throws SluiceError `INVALID_COST` unless the cost is a whole number of 1 or more */
export function checkCost(cost: number): number {
  if (!Number.isSafeInteger(cost) || cost < 1) {
    throw new SluiceError("INVALID_COST", `cost must be a whole number from 1 to 2^53 - 1, got ${show(cost)}`);
  }
  return cost;
}
