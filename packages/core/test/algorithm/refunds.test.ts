import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Policy, tokenBucket } from "../../src/index.js";
import { ALGORITHMS, algorithmOf, START_MS } from "../fixtures/arbitraries.js";

interface Grant {
  readonly atMs: number;
  readonly cost: number;
  readonly epochMs: number;
}

type Call = readonly [afterMs: number, cost: number, refundWhich: number | undefined];

const calls: fc.Arbitrary<readonly Call[]> = fc.array(
  fc.tuple(
    fc.oneof(fc.constant(0), fc.nat(3_000)),
    fc.integer({ min: 1, max: 10 }),
    fc.option(fc.nat(20), { nil: undefined }),
  ),
  { maxLength: 60 },
);

/** Plays calls and refunds, and returns the grants that were not refunded. */
function play(policy: Policy, made: readonly Call[]): readonly Grant[] {
  const { step, refund } = algorithmOf(policy);
  const grants: Grant[] = [];
  let state: unknown;
  let nowMs = START_MS;
  for (const [afterMs, cost, which] of made) {
    nowMs += afterMs;
    if (which !== undefined && grants.length > 0) {
      const [grant] = grants.splice(which % grants.length, 1) as [Grant];
      state = refund?.(state, policy, nowMs, grant.cost, grant.epochMs, grant.atMs)?.state ?? state;
      continue;
    }
    const { allowed, epochMs, next } = step(state, policy, nowMs, cost);
    if (allowed) grants.push({ atMs: nowMs, cost, epochMs });
    state = next?.state ?? state;
  }
  return grants;
}

describe("refunds to a bucket", () => {
  it("never allow more than burst + rate x time in any period", () => {
    const policy = tokenBucket({ rate: 1, burst: 10 });
    fc.assert(
      fc.property(calls, (made) => {
        const grants = play(policy, made);
        for (const [i, first] of grants.entries()) {
          let used = 0;
          for (const { atMs, cost } of grants.slice(i)) {
            used += cost;
            expect(used).toBeLessThanOrEqual(10 + (atMs - first.atMs) / 1_000);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("exclude the part that time has refilled", () => {
    const policy = tokenBucket({ rate: 1, burst: 10 });
    const { step, refund } = algorithmOf(policy);
    const first = step(undefined, policy, START_MS, 10);
    const second = step(first.next?.state, policy, START_MS + 9_000, 9);
    const refunded = refund?.(second.next?.state, policy, START_MS + 9_000, 10, first.epochMs, START_MS);
    expect(step(refunded?.state, policy, START_MS + 9_000, 0).remaining).toBe(1);
    expect(refund?.(second.next?.state, policy, START_MS + 10_000, 10, first.epochMs, START_MS)).toBeUndefined();
  });
});

describe.each(ALGORITHMS)("a refund of %s", (algorithm) => {
  it("does nothing after a repair, since the time that has passed is unknown", () => {
    const policy: Policy =
      algorithm === "token-bucket"
        ? tokenBucket({ rate: 10, interval: "10s" })
        : ({ name: "default", algorithm, limit: 10, windowMs: 10_000 } as Policy);
    const { step, refund } = algorithmOf(policy);
    const charged = step(undefined, policy, START_MS, 9);
    const backMs = START_MS - 3_600_000;
    expect(refund?.(charged.next?.state, policy, backMs, 9, charged.epochMs, START_MS)).toBeUndefined();
    const repaired = step(charged.next?.state, policy, backMs, 0).next;
    expect(refund?.(repaired?.state, policy, backMs, 9, charged.epochMs, START_MS)).toBeUndefined();
  });
});
