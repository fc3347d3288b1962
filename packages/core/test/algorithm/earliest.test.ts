import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { earliestMs } from "../../src/algorithm/built-in.js";
import { fixedWindow, slidingLog, slidingWindow, type TokenBucketPolicy, tokenBucket } from "../../src/index.js";
import { ALGORITHMS, algorithmOf, forward, played, policies, START_MS } from "../fixtures/arbitraries.js";

describe.each(ALGORITHMS)("the earliest time at which %s can have written a state", (algorithm) => {
  it("is not later than the actual time", () => {
    fc.assert(
      fc.property(policies(algorithm), forward, fc.integer({ min: 1, max: 3 }), (policy, requests, cost) => {
        const { state, nowMs } = played(policy, requests);
        const { next } = algorithmOf(policy).step(state, policy, nowMs, cost);
        fc.pre(next !== undefined);
        const earliest = earliestMs(next?.state, policy);
        expect(earliest).toBeLessThanOrEqual(nowMs);
        expect(earliest).toBeGreaterThan(0);
      }),
    );
  });
});

describe("the earliest time at which a bucket can have written a state", () => {
  it("is the first millisecond at which no more than the burst is missing", () => {
    fc.assert(
      fc.property(policies("token-bucket"), forward, (policy, requests) => {
        const { rate, intervalMs, burst } = policy as TokenBucketPolicy;
        const { state } = played(policy, requests);
        fc.pre(state !== undefined);
        const [fullAtMs = 0, numerator = 0] = state as readonly number[];
        const lacking = (ms: number) => BigInt(fullAtMs - ms) * BigInt(rate) + BigInt(numerator);
        const full = BigInt(burst) * BigInt(intervalMs);
        const earliest = earliestMs(state, policy);
        expect(lacking(earliest) <= full).toBe(true);
        expect(lacking(earliest - 1) > full).toBe(true);
      }),
    );
  });

  it("is unknown if the rate or interval differs", () => {
    const policy = tokenBucket({ rate: 10 });
    const { state } = algorithmOf(policy).step(undefined, policy, START_MS, 5).next!;
    expect(earliestMs(state, policy)).toBe(START_MS - 500);
    expect(earliestMs(state, tokenBucket({ rate: 20, burst: 10 }))).toBe(0);
    expect(earliestMs(state, tokenBucket({ rate: 10, interval: "2s" }))).toBe(0);
  });
});

describe("the earliest time at which a window can have written a state", () => {
  const options = { limit: 10, window: "1m" } as const;
  const name = START_MS + 2 ** 45;

  it.each([
    [fixedWindow(options), [name, 1], START_MS],
    [fixedWindow(options), [name, 0], 0],
    [slidingWindow(options), [name, 0, 1], START_MS],
    [slidingWindow(options), [name, 1, 0], START_MS],
    [slidingWindow(options), [name, 0, 0], 0],
    [slidingLog(options), [START_MS - 5, 2, name, 1], START_MS],
    [slidingLog(options), [name, 0], 0],
    [slidingLog(options), [], 0],
  ])("%o with the state %j: %i", (policy, state, earliest) => {
    expect(earliestMs(state, policy)).toBe(earliest);
  });
});
