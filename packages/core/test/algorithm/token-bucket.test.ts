import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tokenBucketAlgorithm } from "../../src/algorithm/token-bucket.js";
import { type TokenBucketPolicy, tokenBucket } from "../../src/index.js";
import { forward, policies, START_MS, timed } from "../fixtures/arbitraries.js";

const { step, refund } = tokenBucketAlgorithm;

/** A bucket in exact fractions: its level, in tokens times the interval, and the time of the last call. */
function exactBucket({ rate, intervalMs, burst }: TokenBucketPolicy) {
  const full = BigInt(burst) * BigInt(intervalMs);
  const token = BigInt(intervalMs);
  const perMs = BigInt(rate);
  let level = full;
  let latestMs = START_MS;
  const ceil = (a: bigint, b: bigint) => Number((a + b - 1n) / b);
  return (nowMs: number, cost: number) => {
    level += BigInt(nowMs - latestMs) * perMs;
    if (level > full) level = full;
    latestMs = nowMs;
    const asked = BigInt(cost) * token;
    const allowed = asked <= level;
    const retryAfterMs = allowed ? 0 : cost > burst ? undefined : ceil(asked - level, perMs);
    if (allowed) level -= asked;
    return { allowed, remaining: Number(level / token), retryAfterMs, resetAfterMs: ceil(full - level, perMs) };
  };
}

/** Takes all available tokens each millisecond, starting with a full bucket. Returns their number. */
function takeAll(policy: TokenBucketPolicy, forMs: number): number {
  let state: readonly number[] | undefined;
  let taken = 0;
  for (let ms = 0; ms <= forMs; ms++) {
    const { remaining } = step(state, policy, START_MS + ms, 0);
    if (remaining === 0) continue;
    taken += remaining;
    state = step(state, policy, START_MS + ms, remaining).next?.state;
  }
  return taken;
}

describe("token bucket", () => {
  it("decides exactly as a bucket with fractions", () => {
    fc.assert(
      fc.property(policies("token-bucket"), forward, (any, requests) => {
        const policy = any as TokenBucketPolicy;
        const exact = exactBucket(policy);
        let state: readonly number[] | undefined;
        for (const { nowMs, cost } of timed(policy, requests)) {
          const { allowed, remaining, retryAfterMs, resetAfterMs, next } = step(state, policy, nowMs, cost);
          expect({ allowed, remaining, retryAfterMs, resetAfterMs }).toEqual(exact(nowMs, cost));
          state = next?.state ?? state;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    [7, "1s", 20_000],
    [3, "7ms", 20_000],
    [333_333, "1s", 5_000],
    [999_983, "1m", 60_000],
    [1, "333ms", 60_000],
    [11, "1h", 60_000],
    [1_000_000_000, "30d", 20_000],
  ] as const)("grants exactly %i per %s in the long run", (rate, interval, forMs) => {
    const policy = tokenBucket({ rate, interval, burst: Math.min(rate, 1_000) });
    const { intervalMs, burst } = policy;
    const refilled = Number((BigInt(forMs) * BigInt(policy.rate)) / BigInt(intervalMs));
    expect(takeAll(policy, forMs)).toBe(burst + refilled);
  });

  it("never exceeds its burst, however long it rests", () => {
    const policy = tokenBucket({ rate: 10, burst: 15 });
    const { next } = step(undefined, policy, START_MS, 15);
    for (const restMs of [1_499, 1_500, 1_501, 1e6, 2 ** 37]) {
      expect(step(next?.state, policy, START_MS + restMs, 0).remaining).toBe(Math.min(15, Math.floor(restMs / 100)));
    }
  });

  it("refills between milliseconds: 333,333 per second add a third of a token more each millisecond", () => {
    const policy = tokenBucket({ rate: 333_333, burst: 1_000 });
    let { next } = step(undefined, policy, START_MS, 1_000);
    const refills = [1, 2, 3].map((ms) => {
      const { remaining } = step(next?.state, policy, START_MS + ms, 0);
      next = step(next?.state, policy, START_MS + ms, remaining).next;
      return remaining;
    });
    expect(refills).toEqual([333, 333, 333]);
    expect(step(next?.state, policy, START_MS + 1_000 + 2, 0).remaining).toBe(1_000);
  });

  it("keeps whole used tokens when rate and interval change", () => {
    const before = tokenBucket({ rate: 7, interval: "1s", burst: 10 });
    const after = tokenBucket({ rate: 1, interval: "1m", burst: 10 });
    const { next } = step(undefined, before, START_MS, 6);
    expect(step(next?.state, after, START_MS, 0).remaining).toBe(4);
    // 3 of the 7 per second have refilled before the change. The missing tokens are rounded up.
    expect(step(next?.state, after, START_MS + 500, 0).remaining).toBe(7);
    const changed = step(next?.state, after, START_MS + 500, 1).next;
    expect(step(changed?.state, after, START_MS + 500 + 60_000, 0).remaining).toBe(7);
  });

  it("refunds nothing if the bucket was full in between", () => {
    const policy = tokenBucket({ rate: 10, burst: 10 });
    const first = step(undefined, policy, START_MS, 4);
    const second = step(first.next?.state, policy, START_MS + 400, 5);
    expect(refund?.(second.next!.state, policy, START_MS + 400, 4, first.epochMs, START_MS)).toBeUndefined();
    const busy = step(first.next?.state, policy, START_MS + 399, 5);
    expect(refund?.(busy.next!.state, policy, START_MS + 399, 4, first.epochMs, START_MS)).toBeDefined();
  });
});
