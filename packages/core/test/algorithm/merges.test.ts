import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stateMergeOf } from "../../src/algorithm/built-in.js";
import type { StateMerge } from "../../src/algorithm/built-in-algorithm.js";
import { ALGORITHMS, algorithmOf, forward, played, policies, START_MS } from "../fixtures/arbitraries.js";

const WINDOW = { ms: 1_000, exact: true };
const mergeOf = (algorithm: string) => stateMergeOf(algorithm) as StateMerge<readonly number[]>;

describe.each(ALGORITHMS)("the lifetime of a state of %s", (algorithm) => {
  it("follows from its window, and its window from the lifetime", () => {
    fc.assert(
      fc.property(policies(algorithm), forward, fc.integer({ min: 1, max: 3 }), (policy, requests, cost) => {
        const { state, nowMs } = played(policy, requests);
        const { next } = algorithmOf(policy).step(state, policy, nowMs, cost);
        fc.pre(next !== undefined);
        const { state: after, ttlMs } = next as { state: readonly number[]; ttlMs: number };
        const { windowMs } = algorithmOf(policy).quota(policy);
        const { windowOf, untilOf } = mergeOf(algorithm);
        expect(untilOf(after, windowMs)).toBe(nowMs + ttlMs);
        expect(windowOf(after, nowMs + ttlMs)).toBe(algorithm === "token-bucket" ? 0 : windowMs);
      }),
    );
  });
});

describe("the length of a window", () => {
  it.each([
    ["fixed-window", [START_MS, 0]],
    ["sliding-window", [START_MS, 0, 0]],
    ["sliding-log", []],
  ])("is unknown for an empty state of %s: %j", (algorithm, state) => {
    expect(mergeOf(algorithm).windowOf(state, START_MS + 5_000)).toBeUndefined();
  });

  it("is the time to the end of a sliding window that has only a previous count", () => {
    const { windowOf, untilOf } = mergeOf("sliding-window");
    expect(windowOf([START_MS, 3, 0], START_MS + 1_000)).toBe(1_000);
    expect(untilOf([START_MS, 3, 0], 1_000)).toBe(START_MS + 1_000);
  });
});

describe("merging states", () => {
  const join = (algorithm: string, arriving: readonly number[], there: readonly number[], window = WINDOW) =>
    mergeOf(algorithm).join(arriving, there, window, START_MS + 1_600);

  it("of two buckets keeps the one that misses more tokens, even with different intervals", () => {
    const tens = [START_MS + 2_600, 0, 10, 1_000, START_MS];
    const fifties = [START_MS + 2_600, 0, 5, 100, START_MS];
    expect(join("token-bucket", tens, fifties)).toBe(fifties);
    expect(join("token-bucket", fifties, tens)).toBe(fifties);
    expect(join("token-bucket", tens, [...tens])).toEqual(tens);
  });

  it("of two fixed windows keeps the later start and the larger count", () => {
    expect(join("fixed-window", [START_MS, 5], [START_MS + 900, 3])).toEqual([START_MS + 900, 5]);
    expect(join("fixed-window", [START_MS + 900, 3], [START_MS, 5])).toEqual([START_MS + 900, 5]);
    expect(join("fixed-window", [START_MS + 900, 3], [START_MS + 950, 0])).toEqual([START_MS + 900, 3]);
    // The existing window keeps its name, so that refunds work.
    expect(join("fixed-window", [START_MS + 2 ** 45, 3], [START_MS, 5])).toEqual([START_MS, 5]);
  });

  it("of two logs keeps all grants in order, except those that have left the window", () => {
    const arriving = [START_MS + 600, 9, START_MS + 700, 1, START_MS + 900, 4];
    const there = [START_MS + 650, 2, START_MS + 900, 3, START_MS + 1_000, 5];
    const merged = [START_MS + 650, 2, START_MS + 700, 1, START_MS + 900, 4, START_MS + 1_000, 5];
    expect(join("sliding-log", arriving, there)).toEqual(merged);
  });

  it("of ended sliding windows continues the younger one, with the difference to the older one", () => {
    // 100 units of the older one have faded to 40, the 10 of the younger one to 9.
    const [older, younger] = [
      [START_MS, 0, 100],
      [START_MS + 500, 0, 10],
    ];
    expect(join("sliding-window", older, younger)).toEqual([START_MS + 1_500, 10, 31]);
    expect(join("sliding-window", younger, older)).toEqual([START_MS + 1_500, 10, 31]);
    // The window may be shorter than it seems, so its end is unknown.
    expect(join("sliding-window", older, younger, { ms: 1_000, exact: false })).toEqual([START_MS + 1_600, 0, 40]);
  });

  it("of two sliding windows keeps the one that counts more, and the larger counts if they start together", () => {
    const [older, younger] = [
      [START_MS, 0, 10],
      [START_MS + 500, 0, 90],
    ];
    expect(join("sliding-window", older, younger)).toBe(younger);
    expect(join("sliding-window", [START_MS, 5, 10], [START_MS, 7, 3])).toEqual([START_MS, 7, 10]);
  });

  it("of two sliding windows drops the one that no longer counts", () => {
    const live = [START_MS + 1_000, 4, 2];
    expect(join("sliding-window", [START_MS - 500, 9, 9], live)).toBe(live);
    expect(join("sliding-window", live, [START_MS + 1_200, 0, 0])).toBe(live);
  });
});
