import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "../../src/index.js";
import { builtInAlgorithms, decideEntries, type Entry } from "../../src/store/index.js";
import { mergeOf } from "../../src/store/kit/index.js";

const START_MS = 1_700_000_000_000;

const limits = fc.oneof(fc.constantFrom(1, 2, 7, 997, 1_000_000), fc.integer({ min: 1, max: 50 }));
const lengthsMs = fc.oneof(fc.constantFrom(1, 2, 7, 50, 333, 60_000, 86_400_000), fc.integer({ min: 1, max: 10_000 }));

const policies: Readonly<Record<string, fc.Arbitrary<Policy>>> = {
  "token-bucket": fc
    .tuple(limits, limits, lengthsMs)
    .map(([rate, burst, interval]) => tokenBucket({ rate, burst, interval })),
  "fixed-window": fc.tuple(limits, lengthsMs).map(([limit, window]) => fixedWindow({ limit, window })),
  "sliding-window": fc.tuple(limits, lengthsMs).map(([limit, window]) => slidingWindow({ limit, window })),
  "sliding-log": fc.tuple(limits, lengthsMs).map(([limit, window]) => slidingLog({ limit, window })),
};

/** The entry of a key in one store, with its expiry. */
interface Kept {
  readonly state: Entry;
  readonly expiresAtMs: number;
}

/** A request: the time since the previous one as a fraction of the window, and its cost as a fraction of the limit. */
type Request = readonly [after: number, cost: number];

const part = fc.double({ min: 0, max: 1, noNaN: true });
const cost = fc.oneof(fc.constant(0), fc.constantFrom(0.1, 0.3), part);
const after = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map((n) => n / 10),
  part,
  fc.constantFrom(0, 0, 1, 2),
);
const requests = fc.array(fc.tuple(after, cost), { maxLength: 8 });

function windowOf(policy: Policy): number {
  return builtInAlgorithms.get(policy.algorithm)!.quota(policy).windowMs;
}

function decide(kept: Kept | undefined, policy: Policy, nowMs: number, cost: number) {
  const state = kept !== undefined && kept.expiresAtMs > nowMs ? kept.state : undefined;
  const claims = [{ scope: "", key: "", policy, cost }];
  const { outcome, writes } = decideEntries({ claims, charge: true }, [state], nowMs);
  const [next] = writes;
  const after = next === undefined ? kept : { state: next.state, expiresAtMs: nowMs + next.ttlMs };
  return { kept: after, finding: outcome.findings[0]! };
}

/** Makes requests from a start time. Returns the state after them, and its time. */
function use(policy: Policy, made: readonly Request[], startMs: number, kept?: Kept) {
  const { limit } = builtInAlgorithms.get(policy.algorithm)!.quota(policy);
  let nowMs = startMs;
  for (const [after, cost] of made) {
    nowMs += Math.floor(after * windowOf(policy));
    kept = decide(kept, policy, nowMs, Math.max(1, Math.round(cost * limit))).kept;
  }
  return { kept, nowMs };
}

function remaining(kept: Kept | undefined, policy: Policy, nowMs: number): number {
  const { limit } = builtInAlgorithms.get(policy.algorithm)!.quota(policy);
  // More than the limit is never granted, so this charges nothing.
  const { finding } = decide(kept, policy, nowMs, limit + 1);
  return finding.remaining;
}

/** The state after one entry was moved at this time. */
function move(from: Kept | undefined, to: Kept | undefined, policy: Policy, nowMs: number): Kept | undefined {
  if (from === undefined || from.expiresAtMs <= nowMs) return to;
  if (to === undefined || to.expiresAtMs <= nowMs) return from;
  const next = mergeOf(`a:b:${policy.algorithm}:c`)(from, to.state, nowMs);
  return next === undefined ? to : { state: next.state as Entry, expiresAtMs: nowMs + next.ttlMs };
}

/** The number of windows between the first uses of two independent stores. */
const gaps = fc.integer({ min: -20, max: 20 }).map((n) => n / 10);

function useBoth(policy: Policy, one: readonly Request[], other: readonly Request[], gap: number) {
  const first = use(policy, one, START_MS);
  const second = use(policy, other, START_MS + Math.floor(gap * windowOf(policy)));
  return { first: first.kept, second: second.kept, nowMs: Math.max(first.nowMs, second.nowMs) };
}

const later = fc.array(part, { minLength: 1, maxLength: 6 });

describe.each(Object.entries(policies))("two merged states of %s", (_, policy) => {
  it("are never more lenient than either of them, now or later", () => {
    fc.assert(
      fc.property(policy, requests, requests, gaps, later, (policy, one, other, gap, times) => {
        const windowMs = windowOf(policy);
        const { first, second, nowMs } = useBoth(policy, one, other, gap);
        const moved = move(first, second, policy, nowMs);
        for (const time of [0, ...times]) {
          const atMs = nowMs + Math.floor(2.5 * time * windowMs);
          const each = [first, second].map((kept) => remaining(kept, policy, atMs));
          expect(remaining(moved, policy, atMs)).toBeLessThanOrEqual(Math.min(...each));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("do not change with a second move", () => {
    fc.assert(
      fc.property(policy, requests, requests, gaps, part, (policy, one, other, gap, pause) => {
        const { first, second, nowMs } = useBoth(policy, one, other, gap);
        const moved = move(first, second, policy, nowMs);
        expect(move(first, moved, policy, nowMs)).toBe(moved);
        const laterMs = nowMs + Math.floor(pause * windowOf(policy));
        expect(move(first, moved, policy, laterMs)).toBe(moved);
      }),
      { numRuns: 1_000 },
    );
  });

  it("equal the newer one if it was moved from the older one", () => {
    const few = fc.array(fc.tuple(after, cost), { maxLength: 2 });
    fc.assert(
      fc.property(policy, requests, few, (policy, before, after) => {
        const first = use(policy, before, START_MS);
        const { kept, nowMs } = use(policy, after, first.nowMs, first.kept);
        expect(move(first.kept, kept, policy, nowMs)).toBe(kept);
      }),
      { numRuns: 1_000 },
    );
  });
});

it("keeps a sliding window that fades later than an arriving one that is half a window older", () => {
  const policy = slidingWindow({ limit: 100, window: 1_000 });
  const arriving: Kept = { state: [1, 0, [START_MS, 0, 8]], expiresAtMs: START_MS + 2_000 };
  const there: Kept = { state: [1, 0, [START_MS + 500, 10, 1]], expiresAtMs: START_MS + 2_500 };
  const moved = move(arriving, there, policy, START_MS + 500);
  expect(remaining(there, policy, START_MS + 1_000)).toBe(94);
  expect(remaining(moved, policy, START_MS + 1_000)).toBeLessThanOrEqual(92);
});

describe("sliding windows that start at different times", () => {
  const policy = slidingWindow({ limit: 100, window: 1_000 });

  it.each([
    // The new store's window has ended, and the old store's count has already faded.
    [[[0, 100]], [[500, 1]], 1_600],
    [[[0, 100]], [[500, 99]], 1_600],
    [
      [
        [0, 60],
        [1_100, 40],
      ],
      [[700, 30]],
      1_750,
    ],
    [
      [
        [300, 50],
        [1_400, 30],
      ],
      [
        [0, 90],
        [1_050, 5],
      ],
      1_500,
    ],
  ])("are merged so that neither is exceeded in any millisecond: %j, %j, moved at %d", (one, other, movedMs) => {
    const states = [one, other].map((grants) => {
      let kept: Kept | undefined;
      for (const [atMs, cost] of grants as [number, number][]) kept = decide(kept, policy, START_MS + atMs, cost).kept;
      return kept;
    });
    for (const [from, to] of [states, [...states].reverse()]) {
      const moved = move(from, to, policy, START_MS + movedMs);
      for (let atMs = START_MS + movedMs; atMs < START_MS + movedMs + 2_100; atMs++) {
        const least = Math.min(...states.map((kept) => remaining(kept, policy, atMs)));
        expect(remaining(moved, policy, atMs)).toBeLessThanOrEqual(least);
      }
    }
  });

  it("are merged so that neither is exceeded in any millisecond", () => {
    const few = fc.array(fc.tuple(fc.nat(90), fc.integer({ min: 1, max: 100 })), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        few,
        few,
        fc.nat(200),
        fc.boolean(),
        (window, one, other, at, blocked) => {
          const policy = slidingWindow({ limit: 100, window });
          const states = [one, other].map((grants) => {
            let kept: Kept | undefined;
            let atMs = START_MS;
            for (const [after, cost] of grants) {
              atMs += after;
              kept = decide(kept, policy, atMs, cost).kept;
            }
            return { kept, atMs };
          });
          const nowMs = Math.max(...states.map(({ atMs }) => atMs)) + (at % (2 * window));
          const [from, to] = states.map(({ kept }) => kept);
          const entry = from?.state;
          const longer: Kept | undefined =
            blocked && from && entry
              ? { state: [1, from.expiresAtMs + 1_000, entry[2]], expiresAtMs: from.expiresAtMs + 1_000 }
              : from;
          const moved = move(longer, to, policy, nowMs);
          expect(move(longer, moved, policy, nowMs)).toBe(moved);
          const unblocked: Kept | undefined = moved && { ...moved, state: [1, 0, moved.state[2]] };
          for (let atMs = nowMs; atMs <= nowMs + 2 * window; atMs++) {
            const least = Math.min(...[from, to].map((kept) => remaining(kept, policy, atMs)));
            expect(remaining(unblocked, policy, atMs)).toBeLessThanOrEqual(least);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("merged blocks", () => {
  it("keep the length of the longer one", () => {
    const long: Entry = [2, START_MS + 9_000, null, 60_000];
    const short: Entry = [2, START_MS + 5_000, null, 5_000];
    expect(move(short, long)).toBeUndefined();
    expect(move(long, short)).toEqual({ state: long, ttlMs: 9_000 });
    expect(move([1, START_MS + 9_000, null], short)?.state).toEqual([1, START_MS + 9_000, null]);
    expect(move(long, [1, START_MS - 5_000, null])?.state).toEqual(long);
  });

  const move = (from: Entry, to: Entry) =>
    mergeOf("a:b:fixed-window:c")({ state: from, expiresAtMs: START_MS + 60_000 }, to, START_MS);

  it("end with the later one", () => {
    expect(move([1, START_MS + 9_000, null], [1, START_MS + 5_000, null])).toEqual({
      state: [1, START_MS + 9_000, null],
      ttlMs: 9_000,
    });
    expect(move([1, START_MS + 5_000, null], [1, START_MS + 9_000, null])).toBeUndefined();
    expect(move([1, START_MS - 5_000, null], [1, START_MS - 9_000, null])).toBeUndefined();
  });

  it("do not shorten the lifetime of the existing entry", () => {
    const next = move([1, START_MS + 1_000, null], [1, 0, [START_MS - 10, 5]]);
    expect(next?.state).toEqual([1, START_MS + 1_000, [START_MS - 10, 5]]);
    expect(next?.ttlMs).toBeGreaterThan(2 ** 36);
  });
});

it.each([
  ["a:b:own:c", [1, 0, [5]], [1, 0, [3]]],
  ["a:b:toString:c", [1, 0, [5]], [1, 0, [3]]],
  ["a:b:fixed-window:c", [2, 0, [5, 5]], [1, 0, [3, 3]]],
  ["a:b:fixed-window:c", [1, 0, [5, 5]], "text"],
  ["no scope", 1, 2],
])("does not merge unknown state: %s", (key, from, to) => {
  expect(mergeOf(key)({ state: from, expiresAtMs: START_MS + 1_000 }, to, START_MS)).toBeUndefined();
});
