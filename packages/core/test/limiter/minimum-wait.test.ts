import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Policy, PolicyDecision, TokenBucketPolicy } from "../../src/index.js";
import { costToLookWith, minimumWaitMs } from "../../src/limiter/minimum-wait.js";
import { ALGORITHMS, algorithmOf, backAndForth, forward, played, policies } from "../fixtures/arbitraries.js";

/** When the last of a line is granted, if each is asked for as soon as the one before has been granted. */
function lastGrantMs(policy: Policy, state: unknown, nowMs: number, costs: readonly number[]): number {
  const { step } = algorithmOf(policy);
  let kept = state;
  let atMs = nowMs;
  for (const cost of costs) {
    let found = step(kept, policy, atMs, cost);
    while (!found.allowed) {
      atMs += found.retryAfterMs!;
      found = step(kept, policy, atMs, cost);
    }
    kept = found.next!.state;
  }
  return atMs - nowMs;
}

function boundMs(policy: Policy, state: unknown, nowMs: number, costs: readonly number[], blockedForMs = 0): number {
  const { step, quota } = algorithmOf(policy);
  const { retryAfterMs } = step(state, policy, nowMs, costToLookWith(policy, quota(policy), costs));
  const { remaining, resetAfterMs } = step(state, policy, nowMs, 0);
  const look: PolicyDecision = {
    policy,
    ...quota(policy),
    allowed: retryAfterMs === 0,
    remaining: blockedForMs > 0 ? 0 : remaining,
    retryAfterMs: Math.max(retryAfterMs!, blockedForMs),
    resetAfterMs: Math.max(resetAfterMs, blockedForMs),
    blocked: blockedForMs > 0,
  };
  return minimumWaitMs(look, costs);
}

/** Costs as parts of the limit, the first of them denied. */
const parts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 });

function costsOf(policy: Policy, shares: readonly number[]): number[] {
  const { limit } = algorithmOf(policy).quota(policy);
  return shares.map((share) => Math.max(1, Math.ceil(share ** 3 * limit)));
}

describe.each(ALGORITHMS)("minimumWaitMs with %s", (algorithm) => {
  it("is never more than a line really takes", () => {
    let waits = 0;
    fc.assert(
      fc.property(policies(algorithm), backAndForth, parts, (policy, requests, shares) => {
        const costs = costsOf(policy, shares);
        const { state, nowMs } = played(policy, requests);
        fc.pre(!algorithmOf(policy).step(state, policy, nowMs, costs[0]!).allowed);
        waits++;
        expect(boundMs(policy, state, nowMs, costs)).toBeLessThanOrEqual(lastGrantMs(policy, state, nowMs, costs));
      }),
      { numRuns: 1_000 },
    );
    expect(waits).toBeGreaterThan(100);
  });

  it("is never more than a line really takes while the key is blocked", () => {
    fc.assert(
      fc.property(policies(algorithm), forward, parts, fc.nat(100_000), (policy, requests, shares, blockedForMs) => {
        const costs = costsOf(policy, shares);
        const { state, nowMs } = played(policy, requests);
        const takesMs = blockedForMs + lastGrantMs(policy, state, nowMs + blockedForMs, costs);
        expect(boundMs(policy, state, nowMs, costs, blockedForMs)).toBeLessThanOrEqual(takesMs);
      }),
      { numRuns: 500 },
    );
  });

  it("is what the first of a line takes", () => {
    fc.assert(
      fc.property(policies(algorithm), forward, parts, (policy, requests, [share = 0]) => {
        const costs = costsOf(policy, [share]);
        const { state, nowMs } = played(policy, requests);
        fc.pre(!algorithmOf(policy).step(state, policy, nowMs, costs[0]!).allowed);
        expect(boundMs(policy, state, nowMs, costs)).toBe(lastGrantMs(policy, state, nowMs, costs));
      }),
      { numRuns: 300 },
    );
  });
});

it("minimumWaitMs with fixed-window is exact", () => {
  fc.assert(
    fc.property(policies("fixed-window"), forward, parts, (policy, requests, shares) => {
      const costs = costsOf(policy, shares);
      const { state, nowMs } = played(policy, requests);
      fc.pre(!algorithmOf(policy).step(state, policy, nowMs, costs[0]!).allowed);
      expect(boundMs(policy, state, nowMs, costs)).toBe(lastGrantMs(policy, state, nowMs, costs));
    }),
    { numRuns: 500 },
  );
});

it("minimumWaitMs with token-bucket is off by no more than a millisecond for each caller", () => {
  // A bucket that fills within a millisecond loses what comes in the rest of it.
  const slow = policies("token-bucket").filter((policy) => {
    const { rate, intervalMs } = policy as TokenBucketPolicy;
    return rate <= intervalMs;
  });
  fc.assert(
    fc.property(slow, forward, parts, (policy, requests, shares) => {
      const costs = costsOf(policy, shares);
      const { state, nowMs } = played(policy, requests);
      fc.pre(!algorithmOf(policy).step(state, policy, nowMs, costs[0]!).allowed);
      const takesMs = lastGrantMs(policy, state, nowMs, costs);
      expect(takesMs - boundMs(policy, state, nowMs, costs)).toBeLessThanOrEqual(costs.length + 1);
    }),
    { numRuns: 500 },
  );
});

it("minimumWaitMs with sliding-log is exact for single units", () => {
  fc.assert(
    fc.property(policies("sliding-log"), forward, fc.integer({ min: 1, max: 50 }), (policy, requests, count) => {
      const costs = new Array<number>(count).fill(1);
      const { state, nowMs } = played(policy, requests);
      fc.pre(!algorithmOf(policy).step(state, policy, nowMs, 1).allowed);
      expect(boundMs(policy, state, nowMs, costs)).toBe(lastGrantMs(policy, state, nowMs, costs));
    }),
    { numRuns: 500 },
  );
});
