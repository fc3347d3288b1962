import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Policy } from "../../src/index.js";
import {
  ALGORITHMS,
  algorithmOf,
  backAndForth,
  forward,
  played,
  policies,
  type Request,
  START_MS,
} from "../fixtures/arbitraries.js";

/** Any cost, most of which are near common limits. */
const costs = fc.oneof(
  fc.integer({ min: 1, max: 10 }),
  fc.constantFrom(997, 999_983, 2 ** 30, Number.MAX_SAFE_INTEGER),
  fc.integer({ min: 1, max: 1_000_000 }),
);

/** The findings of a state at a time, for costs from 0 to more than the limit. */
function meaning(policy: Policy, state: unknown, nowMs: number) {
  const { step, quota } = algorithmOf(policy);
  const { limit } = quota(policy);
  return [0, 1, 2, Math.ceil(limit / 2), limit, limit + 1].map((cost) => {
    const { epochMs: _, next: __, ...finding } = step(state, policy, nowMs, cost);
    return finding;
  });
}

function afterwards(policy: Policy, nowMs: number): number[] {
  const { windowMs } = algorithmOf(policy).quota(policy);
  return [0, 1, Math.ceil(windowMs / 3), windowMs - 1, windowMs, windowMs + 1, 2 * windowMs].map((ms) => nowMs + ms);
}

describe.each(ALGORITHMS)("%s", (algorithm) => {
  const anyPolicy = policies(algorithm);

  it("starts with full quota", () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        const { step, quota } = algorithmOf(policy);
        const { limit, windowMs } = quota(policy);
        expect(Number.isSafeInteger(limit) && limit >= 1).toBe(true);
        expect(Number.isSafeInteger(windowMs) && windowMs >= 1).toBe(true);
        const all = step(undefined, policy, START_MS, limit);
        expect(all).toMatchObject({ allowed: true, remaining: 0, retryAfterMs: 0 });
        expect(all.resetAfterMs).toBeGreaterThanOrEqual(windowMs);
        expect(step(undefined, policy, START_MS, 0)).toMatchObject({
          allowed: true,
          remaining: limit,
          resetAfterMs: 0,
        });
      }),
    );
  });

  it("returns the exact retry time: denied until the millisecond before, then allowed", () => {
    fc.assert(
      fc.property(anyPolicy, backAndForth, costs, (policy, requests, cost) => {
        const { step, quota } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const { allowed, retryAfterMs } = step(state, policy, nowMs, cost);
        expect(retryAfterMs === 0).toBe(allowed);
        if (allowed) return;
        expect(retryAfterMs === undefined).toBe(cost > quota(policy).limit);
        if (retryAfterMs === undefined) return;
        expect(retryAfterMs).toBeGreaterThanOrEqual(1);
        expect(step(state, policy, nowMs + retryAfterMs, cost).allowed).toBe(true);
        expect(step(state, policy, nowMs + retryAfterMs - 1, cost).allowed).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("returns the exact time at which the whole limit is available", () => {
    fc.assert(
      fc.property(anyPolicy, backAndForth, (policy, requests) => {
        const { step, quota } = algorithmOf(policy);
        const { limit } = quota(policy);
        const { state, nowMs } = played(policy, requests);
        const { resetAfterMs } = step(state, policy, nowMs, 0);
        expect(step(state, policy, nowMs + resetAfterMs, 0)).toMatchObject({ remaining: limit, resetAfterMs: 0 });
        expect(step(state, policy, nowMs + resetAfterMs, limit).allowed).toBe(true);
        if (resetAfterMs > 0) expect(step(state, policy, nowMs + resetAfterMs - 1, limit).allowed).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("returns new state only for a charge, and does not change the old state", () => {
    fc.assert(
      fc.property(anyPolicy, backAndForth, fc.nat(20), (policy, requests, cost) => {
        const { state, nowMs } = played(policy, requests);
        const before = JSON.stringify(state);
        const found = algorithmOf(policy).step(Object.freeze(state), policy, nowMs, cost);
        expect("next" in found).toBe(found.allowed && cost > 0);
        expect(JSON.stringify(state)).toBe(before);
      }),
      { numRuns: 300 },
    );
  });

  it("returns the same finding for a charge as for a peek afterwards", () => {
    fc.assert(
      fc.property(anyPolicy, backAndForth, fc.integer({ min: 1, max: 20 }), (policy, requests, cost) => {
        const { step } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const charged = step(state, policy, nowMs, cost);
        fc.pre(charged.allowed);
        const { remaining, resetAfterMs } = step(charged.next!.state, policy, nowMs, 0);
        expect([charged.remaining, charged.resetAfterMs]).toEqual([remaining, resetAfterMs]);
        expect(step(state, policy, nowMs, 0).remaining - cost).toBe(remaining);
      }),
      { numRuns: 300 },
    );
  });

  it("returns the exact lifetime of its state", () => {
    fc.assert(
      fc.property(anyPolicy, forward, fc.integer({ min: 1, max: 20 }), (policy, requests, cost) => {
        const { step, quota } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const { next } = step(state, policy, nowMs, cost);
        fc.pre(next !== undefined);
        const { ttlMs } = next!;
        expect(Number.isSafeInteger(ttlMs) && ttlMs >= 1).toBe(true);
        for (const atMs of afterwards(policy, nowMs + ttlMs)) {
          expect(meaning(policy, next!.state, atMs)).toEqual(meaning(policy, undefined, atMs));
        }
        expect(step(next!.state, policy, nowMs + ttlMs - 1, quota(policy).limit).allowed).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("restores no quota when the clock steps back, and returns whole numbers", () => {
    fc.assert(
      fc.property(anyPolicy, backAndForth, fc.maxSafeInteger().map(Math.abs), (policy, requests, backMs) => {
        const { step } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const now = step(state, policy, nowMs, 0);
        for (const atMs of [nowMs - 1, nowMs - (backMs % 100_000), Math.max(0, nowMs - backMs), 0]) {
          const then = step(state, policy, atMs, 0);
          expect(then.remaining).toBeLessThanOrEqual(now.remaining);
          const { retryAfterMs = 0, resetAfterMs, remaining } = step(state, policy, atMs, 1);
          for (const number of [retryAfterMs, resetAfterMs, remaining]) {
            expect(Number.isSafeInteger(number) && number >= 0, String(number)).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("grants no more than what was left while the clock keeps stepping back", () => {
    const backwards = fc.array(fc.tuple(fc.nat(100_000), fc.integer({ min: 1, max: 5 })), { maxLength: 20 });
    fc.assert(
      fc.property(anyPolicy, forward, backwards, (policy, requests, steps) => {
        const { step } = algorithmOf(policy);
        let { state, nowMs } = played(policy, requests);
        const { remaining } = step(state, policy, nowMs, 0);
        let granted = 0;
        for (const [backMs, cost] of steps) {
          nowMs -= backMs;
          const { allowed, next } = step(state, policy, nowMs, cost);
          if (!allowed) continue;
          granted += cost;
          state = next!.state;
        }
        expect(granted).toBeLessThanOrEqual(remaining);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps the usage when the limit changes", () => {
    fc.assert(
      fc.property(anyPolicy, forward, fc.integer({ min: 1, max: 2_000 }), (policy, requests, limit) => {
        const { step, quota } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const changed = { ...policy, ...(algorithm === "token-bucket" ? { burst: limit } : { limit }) } as Policy;
        const used = quota(policy).limit - step(state, policy, nowMs, 0).remaining;
        expect(step(state, changed, nowMs, 0).remaining).toBe(Math.max(0, limit - used));
      }),
      { numRuns: 300 },
    );
  });

  it("always allows a peek, even if more was used than the new limit allows", () => {
    fc.assert(
      fc.property(anyPolicy, forward, (policy, requests) => {
        const { step } = algorithmOf(policy);
        const { state, nowMs } = played(policy, requests);
        const changed = { ...policy, ...(algorithm === "token-bucket" ? { burst: 1 } : { limit: 1 }) } as Policy;
        expect(step(state, changed, nowMs, 0)).toMatchObject({ allowed: true, retryAfterMs: 0 });
      }),
      { numRuns: 300 },
    );
  });

  describe("a refund", () => {
    interface Case {
      policy: Policy;
      requests: readonly Request[];
      cost: number;
      laterMs: number;
    }
    const cases: fc.Arbitrary<Case> = fc.record({
      policy: anyPolicy,
      requests: forward,
      cost: fc.integer({ min: 1, max: 20 }),
      laterMs: fc.oneof(fc.constant(0), fc.nat(2_000)),
    });

    it("restores the state without the charge, unless the limit was full in between", () => {
      let undone = 0;
      fc.assert(
        fc.property(cases, ({ policy, requests, cost, laterMs }) => {
          const { step, refund } = algorithmOf(policy);
          const { state, nowMs } = played(policy, requests);
          const { next, epochMs } = step(state, policy, nowMs, cost);
          fc.pre(next !== undefined);
          const atMs = nowMs + laterMs;
          // Time has refilled a part of a bucket's charge. refunds.test.ts tests how much is refunded.
          const chargedAtMs = algorithm === "token-bucket" ? atMs : nowMs;
          const given = refund!(next!.state, policy, atMs, cost, epochMs, chargedAtMs);
          // Nothing is refunded if the bucket would be full by now anyway.
          if (given === undefined) return;
          undone++;
          for (const probeMs of afterwards(policy, atMs)) {
            expect(meaning(policy, given.state, probeMs)).toEqual(meaning(policy, state, probeMs));
          }
          expect(Number.isSafeInteger(given.ttlMs) && given.ttlMs >= 1).toBe(true);
          for (const probeMs of afterwards(policy, atMs + given.ttlMs)) {
            expect(meaning(policy, given.state, probeMs)).toEqual(meaning(policy, undefined, probeMs));
          }
        }),
        { numRuns: 300 },
      );
      expect(undone).toBeGreaterThan(50);
    });

    it("restores the whole charge if it happens immediately", () => {
      fc.assert(
        fc.property(cases, ({ policy, requests, cost }) => {
          const { step, refund } = algorithmOf(policy);
          const { state, nowMs } = played(policy, requests);
          const { next, epochMs } = step(state, policy, nowMs, cost);
          fc.pre(next !== undefined);
          const given = refund!(next!.state, policy, nowMs, cost, epochMs, nowMs);
          expect(meaning(policy, given?.state, nowMs)).toEqual(meaning(policy, state, nowMs));
          expect(given).toBeDefined();
        }),
        { numRuns: 300 },
      );
    });

    it("restores nothing after the end of the window", () => {
      fc.assert(
        fc.property(cases, ({ policy, requests, cost, laterMs }) => {
          const { step, refund } = algorithmOf(policy);
          const { state, nowMs } = played(policy, requests);
          const { next, epochMs } = step(state, policy, nowMs, cost);
          fc.pre(next !== undefined);
          const endMs = nowMs + next!.ttlMs + laterMs;
          expect(refund!(next!.state, policy, endMs, cost, epochMs, nowMs)).toBeUndefined();
          // The same is true if the key was used since.
          const since = step(next!.state, policy, endMs, 1);
          expect(refund!(since.next!.state, policy, endMs, cost, epochMs, nowMs)).toBeUndefined();
        }),
        { numRuns: 300 },
      );
    });

    it("never restores more than the limit, with any arguments", () => {
      fc.assert(
        fc.property(anyPolicy, backAndForth, costs, (policy, requests, cost) => {
          const { step, quota, refund } = algorithmOf(policy);
          const { state, nowMs } = played(policy, requests);
          fc.pre(state !== undefined);
          const { epochMs } = step(state, policy, nowMs, 0);
          const given = refund!(state, policy, nowMs, cost, epochMs, nowMs);
          if (given === undefined) return;
          const { remaining } = step(given.state, policy, nowMs, 0);
          expect(remaining).toBeLessThanOrEqual(quota(policy).limit);
          expect(remaining).toBeGreaterThanOrEqual(step(state, policy, nowMs, 0).remaining);
        }),
        { numRuns: 300 },
      );
    });
  });
});
