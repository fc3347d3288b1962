import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedWindowAlgorithm } from "../../src/algorithm/fixed-window.js";
import { type FixedWindowPolicy, fixedWindow } from "../../src/index.js";
import { backAndForth, policies, START_MS, timed } from "../fixtures/arbitraries.js";

const { step, refund } = fixedWindowAlgorithm;

/** Lists all grants, and the windows that they open. */
function listedWindows({ limit, windowMs }: FixedWindowPolicy) {
  let grants: { windowMs: number; cost: number }[] = [];
  return (nowMs: number, cost: number) => {
    // After the clock stepped back, a window that starts in the future starts now.
    grants = grants.filter((grant) => grant.windowMs === grants.at(-1)?.windowMs);
    for (const grant of grants) grant.windowMs = Math.min(grant.windowMs, nowMs);
    const latest = grants.at(-1)?.windowMs;
    const startMs = latest !== undefined && nowMs < latest + windowMs ? latest : nowMs;
    const used = grants.filter((grant) => grant.windowMs === startMs).reduce((sum, grant) => sum + grant.cost, 0);
    const allowed = used + cost <= limit;
    if (allowed) grants.push({ windowMs: startMs, cost });
    const now = allowed ? used + cost : used;
    return {
      allowed,
      remaining: limit - now,
      retryAfterMs: allowed ? 0 : cost > limit ? undefined : startMs + windowMs - nowMs,
      resetAfterMs: now > 0 ? startMs + windowMs - nowMs : 0,
    };
  };
}

describe("fixed window", () => {
  it("decides exactly as a list of all grants", () => {
    fc.assert(
      fc.property(policies("fixed-window"), backAndForth, (any, requests) => {
        const policy = any as FixedWindowPolicy;
        const listed = listedWindows(policy);
        let state: readonly number[] | undefined;
        for (const { nowMs, cost } of timed(policy, requests)) {
          const { allowed, remaining, retryAfterMs, resetAfterMs, next } = step(state, policy, nowMs, cost);
          expect({ allowed, remaining, retryAfterMs, resetAfterMs }).toEqual(listed(nowMs, cost));
          state = next?.state ?? state;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  const policy = fixedWindow({ limit: 3, window: 1_000 });

  it("starts its window at the first request of a key", () => {
    const { next } = step(undefined, policy, START_MS + 999, 3);
    expect(step(next?.state, policy, START_MS + 1_000, 1).retryAfterMs).toBe(999);
    expect(step(next?.state, policy, START_MS + 1_999, 1).allowed).toBe(true);
  });

  it("counts up to the largest limit without a rounding error", () => {
    const most = fixedWindow({ limit: Number.MAX_SAFE_INTEGER, window: 1_000 });
    const { next } = step(undefined, most, START_MS, Number.MAX_SAFE_INTEGER - 1);
    expect(step(next?.state, most, START_MS, 2).allowed).toBe(false);
    expect(step(next?.state, most, START_MS, Number.MAX_SAFE_INTEGER).allowed).toBe(false);
    expect(step(next?.state, most, START_MS, 1)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it("refunds only to the window that was charged", () => {
    const first = step(undefined, policy, START_MS, 2);
    const second = step(first.next?.state, policy, START_MS + 1_000, 2);
    expect(refund?.(second.next!.state, policy, START_MS + 1_000, 2, first.epochMs, START_MS)).toBeUndefined();
    expect(refund?.(second.next!.state, policy, START_MS + 1_000, 2, second.epochMs, START_MS + 1_000)).toBeDefined();
  });

  it("is the same as unused after a full refund", () => {
    const { next, epochMs } = step(undefined, policy, START_MS, 2);
    const empty = refund?.(next!.state, policy, START_MS + 10, 2, epochMs, START_MS);
    const { next: later } = step(empty?.state, policy, START_MS + 500, 3);
    expect(step(later?.state, policy, START_MS + 1_499, 1).allowed).toBe(false);
    expect(refund?.(empty!.state, policy, START_MS + 10, 2, epochMs, START_MS)).toBeUndefined();
  });
});
