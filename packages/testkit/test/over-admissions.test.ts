import { fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { describe, expect, it } from "vitest";
import { overAdmissions, type RecordedCall } from "../src/index.js";

type Span = readonly [sentMs: number, receivedMs: number];

let calls = 0;
function admitted([sentMs, receivedMs]: Span, cost = 1, id = `call ${calls++}`): RecordedCall {
  return { kind: "consume", id, key: "a", cost, allowed: true, sentMs, receivedMs };
}
function denied([sentMs, receivedMs]: Span): RecordedCall {
  return { kind: "consume", id: `call ${calls++}`, key: "a", cost: 1, allowed: false, sentMs, receivedMs };
}
const refunded = (of: string, [sentMs, receivedMs]: Span): RecordedCall => {
  return { kind: "refund", of, key: "a", sentMs, receivedMs };
};
const reset = ([sentMs, receivedMs]: Span): RecordedCall => ({ kind: "reset", key: "a", sentMs, receivedMs });
const times = (count: number, call: () => RecordedCall): RecordedCall[] => Array.from({ length: count }, call);

const bucket = tokenBucket({ rate: 10, interval: 1_000, burst: 5 });
const log = slidingLog({ limit: 5, window: 1_000 });
const fixed = fixedWindow({ limit: 5, window: 1_000 });
const sliding = slidingWindow({ limit: 5, window: 1_000 });

const found = (policy: Policy, ...history: RecordedCall[]) => overAdmissions([policy], history);

describe("a period", () => {
  it.each([
    ["token bucket", bucket],
    ["sliding log", log],
    ["fixed window", fixed],
    ["sliding window", sliding],
  ])("allows the limit of a %s immediately, and no more", (_, policy) => {
    expect(found(policy, ...times(5, () => admitted([100, 150])), denied([100, 150]))).toEqual([]);
    expect(found(policy, ...times(6, () => admitted([100, 150])))).toEqual([
      { key: "a", policy: policy.name, fromMs: 100, toMs: 150, admitted: 6, allowed: 5 },
    ]);
  });

  it("counts costs", () => {
    expect(found(log, admitted([0, 1], 5))).toEqual([]);
    expect(found(log, admitted([0, 1], 3), admitted([0, 1], 3))).toMatchObject([{ admitted: 6, allowed: 5 }]);
  });

  it("includes the tokens that a bucket refills in it", () => {
    const burst = times(5, () => admitted([0, 1]));
    const gained = (count: number) => times(count, () => admitted([400, 499]));
    expect(found(bucket, ...burst, ...gained(4))).toEqual([]);
    expect(found(bucket, ...burst, ...gained(5))).toMatchObject([{ fromMs: 0, toMs: 499, admitted: 10, allowed: 9 }]);
  });

  it("ends before a whole window of a sliding log has passed", () => {
    const first = times(5, () => admitted([0, 100]));
    expect(found(log, ...first, admitted([900, 1_000]))).toEqual([]);
    expect(found(log, ...first, admitted([900, 999]))).toMatchObject([{ fromMs: 0, toMs: 999, admitted: 6 }]);
  });

  it("includes two fixed windows, except after the first request of a key", () => {
    const edge = [
      admitted([0, 1]),
      ...times(4, () => admitted([950, 999])),
      ...times(5, () => admitted([1_001, 1_050])),
    ];
    expect(found(fixed, ...edge)).toEqual([]);
    const more = times(2, () => admitted([1_001, 1_050]));
    expect(found(fixed, ...edge, ...more)).toMatchObject([{ fromMs: 950, admitted: 11, allowed: 10 }]);
    expect(found(fixed, ...edge, admitted([950, 999]))).toMatchObject([{ fromMs: 0, toMs: 999, admitted: 6 }]);
  });

  it("is reported only if no choice of times for its calls satisfies the policy", () => {
    // Half of the calls may have been decided one window later.
    expect(found(log, ...times(5, () => admitted([0, 1_001])), ...times(5, () => admitted([0, 1_001])))).toEqual([]);
  });
});

describe("a refund", () => {
  it("restores its units from the time it was sent", () => {
    const first = [admitted([0, 10], 4, "refunded"), admitted([0, 10])];
    const again = admitted([200, 210], 4);
    expect(found(log, ...first, again)).not.toEqual([]);
    expect(found(log, ...first, again, refunded("refunded", [150, 160]))).toEqual([]);
    expect(found(log, ...first, again, refunded("refunded", [205, 300]))).toEqual([]);
    expect(found(log, ...first, again, refunded("refunded", [211, 300]))).not.toEqual([]);
  });

  it("restores nothing before its decision was made", () => {
    const first = [admitted([0, 500], 4, "slow"), admitted([0, 10], 2), refunded("slow", [20, 30])];
    expect(found(log, ...first)).toEqual([]);
  });
});

describe("a reset", () => {
  it("allows the limit once more in every period in which it may have taken effect", () => {
    const twice = [...times(5, () => admitted([0, 10])), ...times(5, () => admitted([100, 110]))];
    expect(found(log, ...twice, reset([20, 30]))).toEqual([]);
    expect(found(log, ...twice, reset([5, 100]))).toEqual([]);
    expect(found(log, ...twice, admitted([100, 110]), reset([20, 30]))).toMatchObject([{ admitted: 11, allowed: 10 }]);
    expect(found(log, ...times(6, () => admitted([100, 110])), reset([20, 30]))).toMatchObject([
      { fromMs: 100, admitted: 6, allowed: 5 },
    ]);
  });
});

it("keeps keys and policies apart", () => {
  const other = times(5, () => ({ ...admitted([0, 1]), key: "b" }));
  expect(found(log, ...times(5, () => admitted([0, 1])), ...other)).toEqual([]);
  const history = times(6, () => admitted([0, 1]));
  expect(
    overAdmissions([{ ...log, name: "one" }, slidingLog({ name: "two", limit: 6, window: 5 })], history),
  ).toMatchObject([{ policy: "one" }]);
});

it("refuses unknown algorithms", () => {
  expect(() => found({ algorithm: "of my own", name: "mine" } as Policy, admitted([0, 1]))).toThrow(/of my own/);
});
