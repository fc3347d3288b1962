import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GrantLog, slidingLogAlgorithm } from "../../src/algorithm/sliding-log.js";
import { type SlidingLogPolicy, slidingLog } from "../../src/index.js";
import { backAndForth, policies, START_MS, timed } from "../fixtures/arbitraries.js";

const { step, refund } = slidingLogAlgorithm;

/** Lists the grants in the window. After the clock stepped back, a grant in the future counts as of now. */
function listedGrants({ limit, windowMs }: SlidingLogPolicy) {
  let grants: { atMs: number; cost: number }[] = [];
  const usedAt = (nowMs: number) =>
    grants.filter(({ atMs }) => atMs + windowMs > nowMs).reduce((sum, { cost }) => sum + cost, 0);
  return (nowMs: number, cost: number) => {
    for (const grant of grants) grant.atMs = Math.min(grant.atMs, nowMs);
    const used = usedAt(nowMs);
    const allowed = used + cost <= limit;
    const ends = grants.map(({ atMs }) => atMs + windowMs).sort((a, b) => a - b);
    const fitsAtMs = ends.find((endMs) => usedAt(endMs) + cost <= limit);
    if (allowed) {
      grants = grants.filter(({ atMs }) => atMs + windowMs > nowMs);
      grants.push({ atMs: nowMs, cost });
    }
    const lastMs = grants.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    return {
      allowed,
      remaining: limit - used - (allowed ? cost : 0),
      retryAfterMs: allowed ? 0 : cost > limit ? undefined : fitsAtMs! - nowMs,
      resetAfterMs: Math.max(0, lastMs + windowMs - nowMs),
    };
  };
}

describe("sliding log", () => {
  it("decides exactly as a list of all grants", () => {
    fc.assert(
      fc.property(policies("sliding-log"), backAndForth, (any, requests) => {
        const policy = any as SlidingLogPolicy;
        const listed = listedGrants(policy);
        let state: GrantLog | undefined;
        for (const { nowMs, cost } of timed(policy, requests)) {
          const { allowed, remaining, retryAfterMs, resetAfterMs, next } = step(state, policy, nowMs, cost);
          expect({ allowed, remaining, retryAfterMs, resetAfterMs }).toEqual(listed(nowMs, cost));
          state = next?.state ?? state;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("never grants more than the limit in any period of one window", () => {
    const policy = slidingLog({ limit: 5, window: 100 });
    const times = fc.array(fc.nat(2_000), { minLength: 50, maxLength: 200 });
    fc.assert(
      fc.property(times, (offsets) => {
        let state: GrantLog | undefined;
        const grants: number[] = [];
        for (const nowMs of offsets.sort((a, b) => a - b)) {
          const { allowed, next } = step(state, policy, nowMs, 1);
          if (allowed) grants.push(nowMs);
          state = next?.state ?? state;
        }
        for (const start of grants) {
          expect(grants.filter((at) => at >= start && at < start + 100).length).toBeLessThanOrEqual(5);
        }
      }),
    );
  });

  const policy = slidingLog({ limit: 5, window: 1_000 });

  it("keeps one entry per millisecond, and drops those that no longer count", () => {
    let state: GrantLog | undefined;
    for (let i = 0; i < 5; i++) state = step(state, policy, START_MS, 1).next?.state;
    expect(state).toEqual([START_MS, 5]);
    expect(step(state, policy, START_MS + 1_000, 2).next?.state).toEqual([START_MS + 1_000, 2]);
  });

  it("refunds the charge of that time, unless it has left the window", () => {
    const first = step(undefined, policy, START_MS, 2);
    const second = step(first.next?.state, policy, START_MS + 10, 3);
    expect(refund?.(second.next!.state, policy, START_MS + 20, 2, first.epochMs, START_MS)?.state).toEqual([
      START_MS + 10,
      3,
    ]);
    expect(refund?.(second.next!.state, policy, START_MS + 1_000, 2, first.epochMs, START_MS)).toBeUndefined();
    expect(refund?.(second.next!.state, policy, START_MS + 1_000, 3, second.epochMs, START_MS + 10)?.state).toEqual([]);
  });

  it("lives after a refund until its newest grant leaves the window", () => {
    const first = step(undefined, policy, START_MS, 2);
    const second = step(first.next?.state, policy, START_MS + 100, 3);
    expect(refund?.(second.next!.state, policy, START_MS + 100, 3, second.epochMs, START_MS + 100)).toEqual({
      state: [START_MS, 2],
      ttlMs: 900,
    });
  });

  it("never reads a cost as a time", () => {
    expect(refund?.([1, 5], policy, 6, 1, 5, 5)).toBeUndefined();
  });
});
