import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import type { Random } from "./random.js";

/** The algorithms that come with Sluice. */
export const ALGORITHMS = ["token-bucket", "fixed-window", "sliding-window", "sliding-log"] as const;

/** The name of an algorithm that comes with Sluice. */
export type AlgorithmName = (typeof ALGORITHMS)[number];

const QUARTER_MS = 7_776_000_000;
const LONGEST_MS = 2 ** 37;

/** Rates that do not divide evenly, primes, and the largest. */
const RATES = [1, 2, 3, 7, 11, 60, 100, 997, 333_333, 1_000_000, 999_999_937] as const;
const LENGTHS_MS = [1, 2, 7, 10, 50, 333, 1_000, 60_000, 86_400_000, QUARTER_MS, LONGEST_MS] as const;
const LIMITS = [1, 2, 3, 7, 10, 100, 1_000, 999_983, 2 ** 30] as const;

/** A policy whose numbers are likely to show a rounding error, an overflow or a missed edge. */
export function awkwardPolicy(random: Random, algorithm: AlgorithmName, name: string): Policy {
  switch (algorithm) {
    case "token-bucket":
      return awkwardBucket(random, name);
    case "fixed-window":
      return fixedWindow({ name, limit: random.pick(LIMITS), window: random.pick(LENGTHS_MS) });
    case "sliding-window":
      return slidingWindow({ name, limit: random.pick(LIMITS), window: random.pick(LENGTHS_MS) });
    case "sliding-log":
      return slidingLog({ name, limit: random.pick(LIMITS), window: random.pick(LENGTHS_MS) });
  }
}

function awkwardBucket(random: Random, name: string): Policy {
  const rate = random.pick(RATES);
  const burst = random.pick([1, 2, 5, 100, rate, rate + 1, 2 * rate]);
  const interval = random.pick(LENGTHS_MS);
  // The rest would take ages to fill, or can't be counted exactly and is refused.
  const countable = burst * interval <= Number.MAX_SAFE_INTEGER && (burst / rate) * interval <= LONGEST_MS;
  return countable ? tokenBucket({ name, rate, burst, interval }) : awkwardBucket(random, name);
}
