import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";

/** For each algorithm, a policy with `limit` units, of which none returns during a test. */
export const policiesOf: Readonly<Record<string, (limit: number) => Policy>> = {
  "token-bucket": (limit) => tokenBucket({ rate: limit, interval: "90d" }),
  "fixed-window": (limit) => fixedWindow({ limit, window: "90d" }),
  "sliding-window": (limit) => slidingWindow({ limit, window: "90d" }),
  "sliding-log": (limit) => slidingLog({ limit, window: "90d" }),
};
