import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slidingWindowAlgorithm } from "../../src/algorithm/sliding-window.js";
import { type SlidingWindowPolicy, slidingWindow } from "../../src/index.js";
import { backAndForth, policies, START_MS, timed } from "../fixtures/arbitraries.js";

const { step, refund } = slidingWindowAlgorithm;

/** The estimate by its definition, with bigints. */
function exactEstimate({ limit, windowMs }: SlidingWindowPolicy) {
  const window = BigInt(windowMs);
  let kept = { startMs: 0n, counts: [0n, 0n] };
  return (atMs: number, costs: number) => {
    const [nowMs, cost] = [BigInt(atMs), BigInt(costs)];
    // After the clock stepped back, a window that starts in the future starts now.
    if (kept.startMs > nowMs) kept = { ...kept, startMs: nowMs };
    let { startMs, counts } = kept;
    const elapsed = nowMs - startMs;
    if (counts.every((count) => count === 0n) || elapsed >= 2n * window) {
      startMs = nowMs;
      counts = [0n, 0n];
    } else if (elapsed >= window) {
      startMs += window;
      counts = [counts[1]!, 0n];
    }
    const [previous, current] = counts as [bigint, bigint];
    const left = startMs + window - nowMs;
    const used = current + (previous * left + window - 1n) / window;
    const allowed = used + cost <= BigInt(limit);
    if (allowed) kept = { startMs, counts: [previous, current + cost] };
    const remaining = BigInt(limit) - used - (allowed ? cost : 0n);
    return { allowed, remaining: Number(remaining > 0n ? remaining : 0n) };
  };
}

/** The inverse of `a` modulo `modulus`, by Euclid's algorithm. Undefined if they have a common factor. */
function inverseOf(a: bigint, modulus: bigint): bigint | undefined {
  let [remainder, next] = [modulus, a % modulus];
  let [factor, nextFactor] = [0n, 1n];
  while (next !== 0n) {
    const quotient = remainder / next;
    [remainder, next] = [next, remainder - quotient * next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return remainder === 1n ? factor : undefined;
}

describe("sliding window", () => {
  it("decides exactly as the estimate with bigints, even if limit times window exceeds 2^53", () => {
    fc.assert(
      fc.property(policies("sliding-window"), backAndForth, (any, requests) => {
        const policy = any as SlidingWindowPolicy;
        const exact = exactEstimate(policy);
        let state: readonly number[] | undefined;
        for (const { nowMs, cost } of timed(policy, requests)) {
          const { allowed, remaining, next } = step(state, policy, nowMs, cost);
          expect({ allowed, remaining }).toEqual(exact(nowMs, cost));
          state = next?.state ?? state;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("weighs exactly with any count, window and time", () => {
    const count = fc.integer({ min: 1, max: 2 ** 30 });
    const window = fc.oneof(fc.constant(2 ** 37), fc.integer({ min: 1, max: 2 ** 37 }));
    fc.assert(
      fc.property(count, window, fc.double({ min: 0, max: 0.999999, noNaN: true }), (used, windowMs, share) => {
        const policy = slidingWindow({ limit: 2 ** 30, window: windowMs });
        const { next } = step(undefined, policy, START_MS, used);
        const intoMs = Math.floor(share * windowMs);
        const leftMs = BigInt(windowMs - intoMs);
        const weighted = (BigInt(used) * leftMs + BigInt(windowMs) - 1n) / BigInt(windowMs);
        const { remaining } = step(next?.state, policy, START_MS + windowMs + intoMs, 0);
        expect(remaining).toBe(2 ** 30 - Number(weighted));
      }),
      { numRuns: 2_000 },
    );
  });

  it("weighs exactly if the weighted count is almost a whole number", () => {
    const count = fc.integer({ min: 2 ** 29, max: 2 ** 30 });
    const window = fc.integer({ min: 2 ** 36, max: 2 ** 37 });
    fc.assert(
      fc.property(count, window, fc.constantFrom(-1n, 1n), (used, windowMs, off) => {
        // The time at which `used` times time is one more, or one less, than a multiple of the window.
        const inverse = inverseOf(BigInt(used), BigInt(windowMs));
        fc.pre(inverse !== undefined);
        const intoMs = Number(((((inverse ?? 0n) * off) % BigInt(windowMs)) + BigInt(windowMs)) % BigInt(windowMs));
        const policy = slidingWindow({ limit: 2 ** 30, window: windowMs });
        const { next } = step(undefined, policy, START_MS, used);
        const faded = Number((BigInt(used) * BigInt(intoMs)) / BigInt(windowMs));
        const { remaining } = step(next?.state, policy, START_MS + windowMs + intoMs, 0);
        expect(remaining).toBe(2 ** 30 - (used - faded));
      }),
      { numRuns: 500 },
    );
  });

  it("returns the exact retry time if it is almost a whole millisecond", () => {
    const count = fc.integer({ min: 2 ** 29, max: 2 ** 30 });
    const window = fc.integer({ min: 2 ** 36, max: 2 ** 37 });
    fc.assert(
      fc.property(count, window, fc.constantFrom(-1n, 1n), (used, windowMs, off) => {
        const inverse = inverseOf(BigInt(windowMs), BigInt(used));
        fc.pre(inverse !== undefined);
        const room = Number(((((inverse ?? 0n) * off) % BigInt(used)) + BigInt(used)) % BigInt(used));
        const policy = slidingWindow({ limit: used, window: windowMs });
        const { next } = step(undefined, policy, START_MS, used);
        const { retryAfterMs } = step(next?.state, policy, START_MS + windowMs, used - room);
        const fadedMs = Number((BigInt(room) * BigInt(windowMs)) / BigInt(used));
        expect(retryAfterMs).toBe(windowMs - fadedMs);
      }),
      { numRuns: 500 },
    );
  });

  const policy = slidingWindow({ limit: 100, window: 1_000 });

  it("fades out the previous window", () => {
    const { next } = step(undefined, policy, START_MS, 100);
    const at = (ms: number) => step(next?.state, policy, START_MS + ms, 0).remaining;
    expect([999, 1_000, 1_001, 1_009, 1_010, 1_500, 1_999, 2_000].map(at)).toEqual([0, 0, 0, 0, 1, 50, 99, 100]);
  });

  it("does not allow twice the limit around the end of a window", () => {
    let state: readonly number[] | undefined;
    let granted = 0;
    for (let ms = 900; ms < 1_900; ms++) {
      const { allowed, next } = step(state, policy, START_MS + ms, 1);
      if (allowed) granted++;
      state = next?.state ?? state;
    }
    expect(granted).toBeLessThanOrEqual(100);
  });

  it("refunds while the charged window is current, and not after it has rolled", () => {
    const { next, epochMs } = step(undefined, policy, START_MS, 40);
    const back = refund?.(next!.state, policy, START_MS + 999, 30, epochMs, START_MS);
    expect(step(back?.state, policy, START_MS + 999, 0).remaining).toBe(90);
    expect(refund?.(next!.state, policy, START_MS + 1_000, 30, epochMs, START_MS)).toBeUndefined();
  });
});
