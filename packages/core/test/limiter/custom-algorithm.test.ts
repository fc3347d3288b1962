import { describe, expect, it } from "vitest";
import { type Algorithm, createLimiter, fixedWindow, type Policy, tokenBucket } from "../../src/index.js";
import { manualClock } from "../fixtures/manual-clock.js";
import { mapStore, synchronousStore, threeMethodStore } from "../fixtures/map-store.js";

interface Lifetime extends Policy {
  readonly algorithm: "lifetime";
  readonly limit: number;
}

const YEAR_MS = 31_536_000_000;

/** The example from the documentation: a fixed number of units, forever. */
const lifetime: Algorithm<Lifetime, number> = {
  name: "lifetime",
  quota: (policy) => ({ limit: policy.limit, windowMs: YEAR_MS }),
  step(used = 0, policy, _nowMs, cost) {
    const allowed = used + cost <= policy.limit;
    const now = allowed ? used + cost : used;
    return {
      allowed,
      remaining: policy.limit - now,
      retryAfterMs: allowed ? 0 : undefined,
      resetAfterMs: YEAR_MS,
      epochMs: 0,
      ...(allowed && cost > 0 && { next: { state: now, ttlMs: YEAR_MS } }),
    };
  },
};

const trial: Lifetime = { name: "trial", algorithm: "lifetime", limit: 5 };

describe.each([
  ["a store that decides", mapStore],
  ["a store that decides synchronously", synchronousStore],
  ["a store with three methods", threeMethodStore],
])("a custom algorithm on %s", (_, makeStore) => {
  it("decides, and reports its quota", async () => {
    const limiter = createLimiter({ store: makeStore(), algorithms: [lifetime], policies: trial });
    const decision = await limiter.consume("k", { cost: 3 });
    expect(decision).toMatchObject({ allowed: true, limit: 5, remaining: 2, resetAfterMs: YEAR_MS });
    expect(decision.policies[0]).toMatchObject({ policy: trial, windowMs: YEAR_MS });
    expect(await limiter.consume("k", { cost: 3 })).toMatchObject({
      allowed: false,
      remaining: 2,
      retryAfterMs: undefined,
    });
    expect(await limiter.peek("k")).toMatchObject({ allowed: true, remaining: 2 });
  });

  it("is decided together with built-in algorithms, all or none", async () => {
    const clock = manualClock();
    const policies = [
      trial,
      tokenBucket({ name: "rate", rate: 2 }),
      fixedWindow({ name: "hour", limit: 9, window: "1h" }),
    ];
    const limiter = createLimiter({ store: makeStore(), algorithms: [lifetime], policies, clock });
    const left = async () => (await limiter.peek("k")).policies.map(({ remaining }) => remaining);
    for (let i = 0; i < 4; i++) await limiter.consume("k");
    expect(await left()).toEqual([3, 0, 7]);
    await clock.advance(60_000);
    await limiter.consume("k", { cost: 2 });
    await clock.advance(60_000);
    expect((await limiter.consume("k", { cost: 2 })).violated).toEqual(["trial"]);
    expect(await left()).toEqual([1, 2, 5]);
  });

  it("can be blocked and reset, and refunds nothing without a refund function", async () => {
    const limiter = createLimiter({ store: makeStore(), algorithms: [lifetime], policies: trial });
    const decision = await limiter.consume("k", { cost: 4 });
    expect(await limiter.refund(decision)).toBe(false);
    await limiter.block("k", "1h");
    expect(await limiter.allow("k")).toBe(false);
    await limiter.reset("k");
    expect((await limiter.peek("k")).remaining).toBe(5);
  });

  it("refunds with a refund function", async () => {
    const refunding: Algorithm<Lifetime, number> = {
      ...lifetime,
      refund: (used, _policy, _nowMs, cost) => ({ state: used - cost, ttlMs: YEAR_MS }),
    };
    const limiter = createLimiter({ store: makeStore(), algorithms: [refunding], policies: trial });
    expect(await limiter.refund(await limiter.consume("k", { cost: 4 }))).toBe(true);
    expect((await limiter.peek("k")).remaining).toBe(5);
  });

  it("makes waiting callers sleep for its retry time", async () => {
    const clock = manualClock();
    const slow: Algorithm<Lifetime, number> = {
      ...lifetime,
      step(until = 0, _policy, nowMs, cost) {
        const allowed = cost === 0 || nowMs >= until;
        return {
          allowed,
          remaining: allowed ? 1 : 0,
          retryAfterMs: allowed ? 0 : until - nowMs,
          resetAfterMs: Math.max(0, until - nowMs),
          epochMs: 0,
          ...(allowed && cost > 0 && { next: { state: nowMs + 700, ttlMs: 700 } }),
        };
      },
    };
    const limiter = createLimiter({ store: makeStore(), algorithms: [slow], policies: trial, clock });
    const ends: number[] = [];
    for (let i = 0; i < 3; i++)
      void limiter.wait("k", { timeout: "1h" }).then(() => ends.push(clock.nowMs() - 1_000_000));
    await clock.advance(10_000);
    expect(ends).toEqual([0, 700, 1_400]);
  });
});
