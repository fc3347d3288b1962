import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { builtInAlgorithms } from "@sluice/core/store";
import type { Random } from "./random.js";

/** The built-in algorithms of Sluice, by name. */
export const ALGORITHMS: readonly [string, ...string[]] = [...builtInAlgorithms.keys()] as [string, ...string[]];

/** A window so long that nothing is restored during a test. */
export const LONG_MS: number = 2 ** 36;

/** The policies with which the suites test an algorithm. */
interface Samples {
  /** A policy that grants `limit` units immediately, and all of them again after `windowMs`. */
  of(name: string, limit: number, windowMs: number): Policy;
  /** A policy whose numbers are likely to show a rounding error, an overflow or a missed edge. Default: a policy of `of`. */
  awkward?(random: Random, name: string): Policy;
}

/** The policies of each built-in algorithm. */
const SAMPLES: Readonly<Record<string, Samples>> = {
  "token-bucket": {
    of: (name, limit, windowMs) => tokenBucket({ name, rate: limit, interval: windowMs }),
    awkward: awkwardBucket,
  },
  "fixed-window": { of: (name, limit, window) => fixedWindow({ name, limit, window }) },
  "sliding-window": { of: (name, limit, window) => slidingWindow({ name, limit, window }) },
  "sliding-log": { of: (name, limit, window) => slidingLog({ name, limit, window }) },
};

const QUARTER_MS = 7_776_000_000;
const LONGEST_MS = 2 ** 37;

/** Rates that do not divide evenly, primes, and the largest one. */
const RATES = [1, 2, 3, 7, 11, 60, 100, 997, 333_333, 1_000_000, 999_999_937] as const;
const LENGTHS_MS = [1, 2, 7, 10, 50, 333, 1_000, 60_000, 86_400_000, QUARTER_MS, LONGEST_MS] as const;
const LIMITS = [1, 2, 3, 7, 10, 100, 1_000, 999_983, 2 ** 30] as const;

function samplesOf(algorithm: string): Samples {
  const samples = SAMPLES[algorithm];
  if (samples === undefined) throw new Error(`packages/testkit/src/policies.ts has no policies for ${algorithm}`);
  return samples;
}

/** A policy of the algorithm that grants `limit` units immediately, and all of them again after `windowMs`. */
export function policyOf(algorithm: string, limit: number, windowMs: number, name = "default"): Policy {
  return samplesOf(algorithm).of(name, limit, windowMs);
}

/** A policy whose numbers are likely to show a rounding error, an overflow or a missed edge. */
export function awkwardPolicy(random: Random, algorithm: string, name: string): Policy {
  const { of, awkward } = samplesOf(algorithm);
  return awkward?.(random, name) ?? of(name, random.pick(LIMITS), random.pick(LENGTHS_MS));
}

function awkwardBucket(random: Random, name: string): Policy {
  const rate = random.pick(RATES);
  const burst = random.pick([1, 2, 5, 100, rate, rate + 1, 2 * rate]);
  const interval = random.pick(LENGTHS_MS);
  // Other bursts would take too long to fill, or are refused because they cannot be counted exactly.
  const countable = burst * interval <= Number.MAX_SAFE_INTEGER && (burst / rate) * interval <= LONGEST_MS;
  return countable ? tokenBucket({ name, rate, burst, interval }) : awkwardBucket(random, name);
}
