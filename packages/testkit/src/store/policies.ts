import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import type { AlgorithmName } from "../awkward-policies.js";

/** Long enough that nothing comes back during a test. */
export const LONG_MS: number = 2 ** 36;

/** A policy of the algorithm that grants `limit` units at once, and all of them again after `windowMs`. */
export function policyOf(algorithm: AlgorithmName, limit: number, windowMs: number, name = "default"): Policy {
  switch (algorithm) {
    case "token-bucket":
      return tokenBucket({ name, rate: limit, interval: windowMs });
    case "fixed-window":
      return fixedWindow({ name, limit, window: windowMs });
    case "sliding-window":
      return slidingWindow({ name, limit, window: windowMs });
    case "sliding-log":
      return slidingLog({ name, limit, window: windowMs });
  }
}
