import { describe, expect, it } from "vitest";
import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "../../src/index.js";
import { algorithmOf, START_MS } from "../fixtures/arbitraries.js";

const policies: readonly Policy[] = [
  tokenBucket({ rate: 10, interval: "10s" }),
  fixedWindow({ limit: 10, window: "10s" }),
  slidingWindow({ limit: 10, window: "10s" }),
  slidingLog({ limit: 10, window: "10s" }),
];

describe.each(policies)("a reset of $algorithm", (policy) => {
  const { step, clear, refund } = algorithmOf(policy);
  const charged = step(undefined, policy, START_MS, 7);
  const used = charged.next!.state;
  const empty = clear?.(used, START_MS);

  it("leaves an empty state only in the millisecond of the last charge", () => {
    expect(empty?.ttlMs).toBe(1);
    expect(clear?.(used, START_MS + 1)).toBeUndefined();
  });

  it("restores the whole limit at once", () => {
    const { epochMs: _, ...look } = step(empty?.state, policy, START_MS, 0);
    expect(look).toEqual({ allowed: true, remaining: 10, retryAfterMs: 0, resetAfterMs: 0 });
  });

  it("leaves no charge to refund", () => {
    expect(refund?.(empty?.state, policy, START_MS, 7, charged.epochMs, START_MS)).toBeUndefined();
  });

  it("gives the next charge a new name, and otherwise equals an unused key", () => {
    const { epochMs, next, ...found } = step(empty?.state, policy, START_MS, 3);
    const { epochMs: _, next: first, ...expected } = step(undefined, policy, START_MS, 3);
    expect(found).toEqual(expected);
    expect(epochMs).not.toBe(charged.epochMs);
    expect(next?.ttlMs).toBe(first?.ttlMs);
    expect(next?.state).toHaveLength((first!.state as readonly number[]).length);
    // A peek writes nothing, whichever window is named.
    expect(step(next?.state, policy, START_MS, 0).next).toBeUndefined();
    expect(step(next?.state, policy, START_MS + 1, 0).next).toBeUndefined();
  });
});

// Not for buckets: seen from an hour ago, a bucket that is full now misses tokens.
it.each(policies.slice(1))(
  "a reset of $algorithm leaves no state that needs a repair when the clock steps back",
  (policy) => {
    const { step, clear } = algorithmOf(policy);
    const empty = clear?.(step(undefined, policy, START_MS, 7).next!.state, START_MS);
    expect(step(empty?.state, policy, START_MS - 3_600_000, 0).next).toBeUndefined();
  },
);

it("a reset of an empty log returns no state", () => {
  const policy = slidingLog({ limit: 10, window: "10s" });
  expect(algorithmOf(policy).clear?.([], START_MS)).toBeUndefined();
});
