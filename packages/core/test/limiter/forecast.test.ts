import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withAlgorithm } from "../../src/algorithm/brought.js";
import { fixedWindow, type Policy, slidingLog, tokenBucket } from "../../src/index.js";
import { createForecast } from "../../src/limiter/forecast.js";
import { builtInAlgorithms, type Entry } from "../../src/store/index.js";
import { ALGORITHMS, algorithmOf, backAndForth, forward, played, policies } from "../fixtures/arbitraries.js";

/** The grant times of the callers in a line, if each asks as soon as the one before has been granted. */
function grantsMs(policy: Policy, state: unknown, nowMs: number, costs: readonly number[]): number[] {
  const { step } = algorithmOf(policy);
  let kept = state;
  let atMs = nowMs;
  return costs.map((cost) => {
    let found = step(kept, policy, atMs, cost);
    while (!found.allowed) {
      atMs += found.retryAfterMs!;
      found = step(kept, policy, atMs, cost);
    }
    kept = found.next!.state;
    return atMs - nowMs;
  });
}

function forecastFor(policy: Policy, state: unknown, nowMs: number, blockedForMs = 0) {
  const claims = [{ scope: "", key: "k", policy, cost: 1 }];
  const blockedUntilMs = blockedForMs > 0 ? nowMs + blockedForMs : 0;
  const entry: Entry = [1, blockedUntilMs, state ?? null];
  return createForecast(claims, [entry], nowMs);
}

/** Costs as fractions of the limit. */
const parts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 });

function costsOf(policy: Policy, shares: readonly number[]): number[] {
  const { limit } = algorithmOf(policy).quota(policy);
  return shares.map((share) => Math.max(1, Math.ceil(share ** 3 * limit)));
}

describe.each(ALGORITHMS)("a forecast with %s", (algorithm) => {
  it("is the time that each caller in line really waits", () => {
    fc.assert(
      fc.property(policies(algorithm), backAndForth, parts, (policy, requests, shares) => {
        const costs = costsOf(policy, shares);
        const { state, nowMs } = played(policy, requests);
        const forecast = forecastFor(policy, state, nowMs);
        const forecastMs = costs.map((cost) => forecast.add(cost, Number.POSITIVE_INFINITY));
        expect(forecastMs).toEqual(grantsMs(policy, state, nowMs, costs));
      }),
      { numRuns: 400 },
    );
  });

  it("waits for a block to end", () => {
    fc.assert(
      fc.property(
        policies(algorithm),
        forward,
        parts,
        fc.integer({ min: 1, max: 100_000 }),
        (policy, requests, shares, blockedForMs) => {
          const costs = costsOf(policy, shares);
          const { state, nowMs } = played(policy, requests);
          const forecast = forecastFor(policy, state, nowMs, blockedForMs);
          const takesMs = grantsMs(policy, state, nowMs + blockedForMs, costs).map((ms) => ms + blockedForMs);
          expect(costs.map((cost) => forecast.add(cost, Number.POSITIVE_INFINITY))).toEqual(takesMs);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("repairs state from before a clock step, as a denial does", () => {
    fc.assert(
      fc.property(policies(algorithm), forward, fc.integer({ min: 1, max: 1e12 }), (policy, requests, stepMs) => {
        const { limit, windowMs } = algorithmOf(policy).quota(policy);
        const { state, nowMs } = played(policy, requests);
        const forecast = forecastFor(policy, state, nowMs - Math.min(stepMs, nowMs));
        expect(forecast.add(limit, Number.POSITIVE_INFINITY)).toBeLessThanOrEqual(2 * windowMs);
      }),
      { numRuns: 200 },
    );
  });

  it("leaves out a caller whose deadline cannot be met", () => {
    fc.assert(
      fc.property(policies(algorithm), forward, parts, fc.nat(), (policy, requests, shares, at) => {
        const costs = costsOf(policy, shares);
        const { state, nowMs } = played(policy, requests);
        const forecast = forecastFor(policy, state, nowMs);
        const { limit } = algorithmOf(policy).quota(policy);
        const hopeless = at % (costs.length + 1);
        const forecastMs = costs.map((cost, i) => {
          if (i === hopeless) expect(forecast.add(limit, -1)).toBeGreaterThan(-1);
          return forecast.add(cost, Number.POSITIVE_INFINITY);
        });
        expect(forecastMs).toEqual(grantsMs(policy, state, nowMs, costs));
      }),
      { numRuns: 150 },
    );
  });
});

describe("a forecast with several policies", () => {
  const START_MS = 1_700_000_000_000;
  const limits = [
    tokenBucket({ name: "a", rate: 2, interval: 1_000 }),
    slidingLog({ name: "b", limit: 3, window: 10_000 }),
  ];

  it("is the time at which all of them allow the request", () => {
    const claims = limits.map((policy) => ({ scope: "", key: "k", policy, cost: 1 }));
    const forecast = createForecast(claims, [undefined, undefined], START_MS);
    const forecastMs = [1, 1, 1, 1, 2].map((cost) => forecast.add(cost, Number.POSITIVE_INFINITY));
    expect(forecastMs).toEqual([0, 0, 500, 10_000, 10_500]);
  });

  it("terminates for a cost that never fits", () => {
    const [policy] = [fixedWindow({ limit: 3, window: 1_000 })];
    const forecast = forecastFor(policy, undefined, START_MS);
    expect(forecast.add(4, 1e9)).toBe(Number.POSITIVE_INFINITY);
    expect(forecast.add(3, 1e9)).toBe(0);
  });

  it("terminates if a custom algorithm returns a useless retry time", () => {
    const stuck = {
      ...builtInAlgorithms.get("fixed-window")!,
      step: () => ({ allowed: false, remaining: 0, retryAfterMs: 0, resetAfterMs: 0, epochMs: 0 }),
    };
    const policy = withAlgorithm(fixedWindow({ limit: 3, window: 1_000 }), stuck);
    const forecast = createForecast([{ scope: "", key: "k", policy, cost: 1 }], [undefined], START_MS);
    expect(forecast.add(1, 1e9)).toBe(0);
  });
});
