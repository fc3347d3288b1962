import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { remoteFormOf } from "../../src/algorithm/built-in.js";
import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "../../src/index.js";
import { decideEntries, type Entry } from "../../src/store/index.js";
import { readOutcome } from "../../src/store/numbered-batch.js";
import {
  ALGORITHMS,
  type AlgorithmName,
  algorithmOf,
  backAndForth,
  played,
  policies,
} from "../fixtures/arbitraries.js";

/** The numbers that a database reports for a state, either the current one or the one after a charge. */
const REPORTS: Readonly<Record<AlgorithmName, (state: readonly number[], policy: never, nowMs: number) => number[]>> = {
  "token-bucket": ([fullAtMs = 0, numerator = 0, , , busySinceMs = 0], _, nowMs) =>
    fullAtMs > nowMs || (fullAtMs === nowMs && numerator > 0) ? [fullAtMs, numerator, busySinceMs] : [],
  "fixed-window": ([startMs = 0, used = 0], { windowMs }: { windowMs: number }, nowMs) =>
    used > 0 && nowMs < startMs + windowMs ? [startMs, used] : [],
  "sliding-window": ([startMs = 0, previous = 0, current = 0], { windowMs }: { windowMs: number }, nowMs) => {
    if (nowMs < startMs + windowMs) return previous + current > 0 ? [startMs, previous, current] : [];
    return nowMs < startMs + 2 * windowMs && current > 0 ? [startMs + windowMs, current, 0] : [];
  },
  "sliding-log": (log, { windowMs }: { windowMs: number }, nowMs) => {
    const first = log.findIndex((atMs, i) => i % 2 === 0 && atMs + windowMs > nowMs);
    return first === -1 ? [] : log.slice(first);
  },
};

/** The numbers of an empty state, in which the next window would have the given name. */
const EMPTY: Readonly<Record<AlgorithmName, (epochMs: number, nowMs: number) => number[]>> = {
  "token-bucket": (epochMs, nowMs) => [nowMs, 0, epochMs],
  "fixed-window": (epochMs) => [epochMs, 0],
  "sliding-window": (epochMs) => [epochMs, 0, 0],
  "sliding-log": () => [0, -1, -1],
};

/** The reply for one claim of a key that is not blocked. */
function replyFor(algorithm: AlgorithmName, policy: Policy, state: unknown, nowMs: number, cost: number): number[] {
  const { epochMs } = algorithmOf(policy).step(state, policy, nowMs, 0);
  const numbers = state === undefined ? [] : REPORTS[algorithm](state as number[], policy as never, nowMs);
  if (numbers.length === 0) return [0, ...EMPTY[algorithm](epochMs, nowMs)];
  return [0, ...(algorithm === "sliding-log" ? summaryOf(numbers, policy, cost) : numbers)];
}

/** The sum of a log, the time of its newest grant, and the time at which the cost fits. */
function summaryOf(log: readonly number[], policy: Policy, cost: number): number[] {
  const { limit, windowMs } = policy as Policy & { limit: number; windowMs: number };
  const grants = log.flatMap((atMs, i) => (i % 2 === 0 ? [{ atMs, cost: log[i + 1] as number }] : []));
  const used = grants.reduce((sum, grant) => sum + grant.cost, 0);
  let left = used;
  const leaves = grants.find((grant) => {
    left -= grant.cost;
    return left + cost <= limit;
  });
  const fitsAtMs = used + cost <= limit || cost > limit || leaves === undefined ? -1 : leaves.atMs + windowMs;
  return [used, grants.at(-1)?.atMs ?? -1, fitsAtMs];
}

describe.each(ALGORITHMS)("the outcome reported by a database for %s", (algorithm) => {
  it("equals that of decideEntries for the same state", () => {
    const costs = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 ** 31 }));
    fc.assert(
      fc.property(
        policies(algorithm),
        backAndForth,
        costs,
        fc.nat(3),
        fc.boolean(),
        (policy, made, cost, part, charge) => {
          const { state: before, nowMs: playedMs } = played(policy, made);
          const nowMs = playedMs + Math.floor((part * algorithmOf(policy).quota(policy).windowMs) / 2);
          const admission = { claims: [{ scope: "", key: "", policy, cost }], charge };
          const entry: Entry | undefined = before === undefined ? undefined : [1, 0, before];
          const { outcome, writes } = decideEntries(admission, [entry], nowMs);
          const after = writes[0] === undefined ? before : (writes[0].state as Entry)[2];
          const reply = { numbers: replyFor(algorithm, policy, after, nowMs, cost), at: 0 };
          expect(readOutcome(reply, admission, nowMs, outcome.allowed)).toEqual(outcome);
          expect(reply.at).toBe(reply.numbers.length);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

// Databases have stored them, and earlier releases have installed functions that read them.
it.each<[policy: Policy, number: number, numbers: readonly number[]]>([
  [tokenBucket({ rate: 7, interval: "1m", burst: 9 }), 1, [7, 60_000, 9]],
  [fixedWindow({ limit: 5, window: "1s" }), 2, [5, 1_000]],
  [slidingWindow({ limit: 5, window: "1s" }), 3, [5, 1_000]],
  [slidingLog({ limit: 5, window: "1s" }), 4, [5, 1_000]],
])("the numbers of a policy for a database never change: %o", (policy, number, numbers) => {
  const form = remoteFormOf(policy.algorithm);
  expect(form.number).toBe(number);
  expect(form.numbers(policy)).toEqual(numbers);
});
