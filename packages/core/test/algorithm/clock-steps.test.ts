import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { floorOfRatio } from "../../src/algorithm/ratio.js";
import { tokenBucketAlgorithm } from "../../src/algorithm/token-bucket.js";
import { type TokenBucketPolicy, tokenBucket } from "../../src/index.js";
import { ALGORITHMS, algorithmOf, forward, played, policies, START_MS } from "../fixtures/arbitraries.js";

/** From a millisecond to fifty years. */
const steps = fc.oneof(
  fc.constantFrom(1, 1_000, 3_600_000, 86_400_000, 31_536_000_000, 1_576_800_000_000),
  fc.integer({ min: 1, max: 100_000 }),
);

describe.each(ALGORITHMS)("when the clock steps back, %s", (algorithm) => {
  const anyPolicy = policies(algorithm);
  const windows = algorithm === "sliding-window" ? 2 : 1;

  it("denies for at most a full window, and restores no quota", () => {
    fc.assert(
      fc.property(anyPolicy, forward, steps, (policy, requests, backMs) => {
        const { step, quota } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const before = step(state, policy, nowMs, 0);
        const after = step(state, policy, nowMs - backMs, 1);
        const mostMs = windows * quota(policy).windowMs;
        expect(after.retryAfterMs).toBeLessThanOrEqual(mostMs);
        expect(after.resetAfterMs).toBeLessThanOrEqual(mostMs);
        expect(after.remaining + (after.allowed ? 1 : 0)).toBeLessThanOrEqual(before.remaining);
      }),
      { numRuns: 500 },
    );
  });

  it("repairs the state once, even for denials and peeks, and returns the exact retry time", () => {
    let repairs = 0;
    fc.assert(
      fc.property(anyPolicy, forward, steps, fc.nat(3), (policy, requests, backMs, cost) => {
        const { step } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const atMs = nowMs - backMs;
        const { allowed, next, retryAfterMs } = step(state, policy, atMs, cost);
        if (next === undefined || (allowed && cost > 0)) return;
        repairs++;
        expect(Number.isSafeInteger(next.ttlMs) && next.ttlMs >= 1).toBe(true);
        for (const laterMs of [0, 1, 5]) expect(step(next.state, policy, atMs + laterMs, 0).next).toBeUndefined();
        const { next: _, ...found } = step(state, policy, atMs, cost);
        expect(step(next.state, policy, atMs, cost)).toEqual(found);
        if (allowed || retryAfterMs === undefined) return;
        expect(step(next.state, policy, atMs + retryAfterMs - 1, cost).allowed).toBe(false);
        expect(step(next.state, policy, atMs + retryAfterMs, cost).allowed).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(repairs).toBeGreaterThan(50);
  });

  it("gives charges of one millisecond different names if a reset lies between them", () => {
    fc.assert(
      fc.property(anyPolicy, forward, fc.integer({ min: 1, max: 5 }), (policy, requests, resets) => {
        const { step, clear, refund } = algorithmOf(policy);
        let { state, nowMs } = played(policy, requests);
        const names = new Set<number>();
        for (let i = 0; i <= resets; i++) {
          state = state === undefined ? undefined : clear?.(state, nowMs)?.state;
          const { allowed, epochMs, next, resetAfterMs } = step(state, policy, nowMs, 1);
          expect([allowed, resetAfterMs]).toEqual([true, step(undefined, policy, nowMs, 1).resetAfterMs]);
          for (const name of names) expect(refund?.(next!.state, policy, nowMs, 1, name, nowMs)).toBeUndefined();
          expect(refund?.(next!.state, policy, nowMs, 1, epochMs, nowMs)).toBeDefined();
          names.add(epochMs);
          state = next!.state;
        }
        expect(names.size).toBe(resets + 1);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a token bucket whose rate, interval or burst changes", () => {
  const bucket = policies("token-bucket");

  it("keeps the exact number of missing tokens, but no more than its burst", () => {
    fc.assert(
      fc.property(bucket, bucket, forward, (one, other, requests) => {
        const [before, after] = [one, other] as [TokenBucketPolicy, TokenBucketPolicy];
        const { state, nowMs } = played(before, requests);
        fc.pre(state !== undefined);
        const [fullAtMs = 0, numerator = 0] = state as number[];
        const units = BigInt(Math.max(0, fullAtMs - nowMs)) * BigInt(before.rate) + BigInt(numerator);
        fc.pre(fullAtMs >= nowMs && units > 0n);
        fc.pre(before.rate !== after.rate || before.intervalMs !== after.intervalMs);
        const [oldInterval, interval] = [BigInt(before.intervalMs), BigInt(after.intervalMs)];
        const exact = (units * interval + oldInterval - 1n) / oldInterval;
        const most = BigInt(after.burst) * interval;
        const { next } = tokenBucketAlgorithm.step(state as readonly number[], after, nowMs, 0);
        const [newFullAtMs = 0, newNumerator = 0, ...numbers] = next?.state ?? [];
        expect(numbers.slice(0, 2)).toEqual([after.rate, after.intervalMs]);
        const converted = BigInt(newFullAtMs - nowMs) * BigInt(after.rate) + BigInt(newNumerator);
        expect(converted).toBe(exact < most ? exact : most);
      }),
      { numRuns: 1_000 },
    );
  });

  it("misses all tokens if a clock step makes their number too large to count", () => {
    const before = tokenBucket({ rate: 2 ** 30, interval: 2 ** 37, burst: 5 });
    const after = tokenBucket({ rate: 1, interval: "1s", burst: 2 ** 20 });
    const { next } = tokenBucketAlgorithm.step(undefined, before, START_MS, 5);
    const { remaining } = tokenBucketAlgorithm.step(next?.state, after, START_MS - 8_640_000, 0);
    expect(remaining).toBe(0);
  });

  it("needs no repair at the moment at which it is full", () => {
    const before = tokenBucket({ rate: 10 });
    const { next } = tokenBucketAlgorithm.step(undefined, before, START_MS, 5);
    const look = tokenBucketAlgorithm.step(next?.state, tokenBucket({ rate: 1 }), START_MS + 500, 0);
    expect(look).toMatchObject({ remaining: 1, resetAfterMs: 0 });
    expect(look.next).toBeUndefined();
  });

  it.each([
    [tokenBucket({ rate: 10, interval: "1h" }), tokenBucket({ rate: 10 }), 100],
    [tokenBucket({ rate: 1, interval: "1d" }), tokenBucket({ rate: 1 }), 1_000],
    [tokenBucket({ rate: 100 }), tokenBucket({ rate: 100, interval: "1d" }), 864_000],
  ])("uses the new policy from the first denial on: %o, then %o", (before, after, retryAfterMs) => {
    const { step } = tokenBucketAlgorithm;
    const { next } = step(undefined, before, START_MS, before.burst);
    const denied = step(next?.state, after, START_MS, 1);
    expect(denied).toMatchObject({ allowed: false, retryAfterMs });
    expect(step(denied.next?.state, after, START_MS + retryAfterMs - 1, 1).allowed).toBe(false);
    expect(step(denied.next?.state, after, START_MS + retryAfterMs, 1).allowed).toBe(true);
  });
});

it("divides products of any size exactly", () => {
  const large = fc.oneof(fc.integer({ min: 0, max: 2 ** 37 }), fc.integer({ min: 2 ** 36, max: 2 ** 37 }));
  fc.assert(
    fc.property(large, large, large, (a, b, divisor) => {
      fc.pre(a <= divisor && divisor > 0);
      expect(floorOfRatio(a, b, divisor)).toBe(Number((BigInt(a) * BigInt(b)) / BigInt(divisor)));
    }),
    { numRuns: 5_000 },
  );
});
