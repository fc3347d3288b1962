import type { Algorithm } from "./algorithm.js";
import { fixedWindowAlgorithm } from "./fixed-window.js";
import { slidingLogAlgorithm } from "./sliding-log.js";
import { slidingWindowAlgorithm } from "./sliding-window.js";
import { tokenBucketAlgorithm } from "./token-bucket.js";

/** The algorithms that come with Sluice, by name. */
export const builtInAlgorithms: ReadonlyMap<string, Algorithm> = new Map(
  [tokenBucketAlgorithm, fixedWindowAlgorithm, slidingWindowAlgorithm, slidingLogAlgorithm].map((algorithm) => [
    algorithm.name,
    algorithm as Algorithm,
  ]),
);
