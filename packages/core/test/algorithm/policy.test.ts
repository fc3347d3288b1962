import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { algorithmOf } from "../../src/algorithm/brought.js";
import { checkCost } from "../../src/algorithm/policy.js";
import {
  fixedWindow,
  type Policy,
  policyFrom,
  slidingLog,
  slidingWindow,
  type TokenBucketOptions,
  tokenBucket,
} from "../../src/index.js";
import { builtInAlgorithms } from "../../src/store/index.js";

const NO_COUNTS = [
  0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  "10",
  null,
  true,
  {},
  [10],
  10n,
];
const NO_NAMES = ["", "a\r\nb", "a\nb", "a\0", "é", "😀", "\x7f", "x".repeat(129), 5, null, {}];
const windows = { fixedWindow, slidingWindow, slidingLog };

/** The plain data of a policy, without its algorithm. */
function dataOf(policy: Policy): unknown {
  return JSON.parse(JSON.stringify(policy));
}

describe("tokenBucket", () => {
  it("has the documented defaults", () => {
    expect(dataOf(tokenBucket())).toEqual({
      name: "default",
      algorithm: "token-bucket",
      rate: 100,
      intervalMs: 1_000,
      burst: 100,
    });
  });

  it("sets the burst to the rate by default, and accepts an interval in words", () => {
    const policy = tokenBucket({ name: "burst", rate: 7, interval: "1m" });
    expect(dataOf(policy)).toEqual({ name: "burst", algorithm: "token-bucket", rate: 7, intervalMs: 60_000, burst: 7 });
  });

  it.each(NO_COUNTS)("refuses a rate and a burst of %s", (value) => {
    for (const option of ["rate", "burst"]) {
      const make = () => tokenBucket({ [option]: value });
      expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
      expect(make).toThrow(`option "${option}"`);
    }
  });

  it.each([
    [{ rate: 1, interval: 1, burst: Number.MAX_SAFE_INTEGER }],
    [{ rate: 1, interval: "1d", burst: 2 ** 53 - 1 }],
    [{ rate: 999_999_937, interval: 2 ** 37, burst: 999_999_937 }],
  ] as [TokenBucketOptions][])("refuses %j, which can't be counted exactly", (options) => {
    expect(() => tokenBucket(options)).toThrow(/option "burst"/);
  });

  it.each([
    [{ rate: 1, interval: 1 }, 2 ** 52],
    [{ rate: 2, interval: 4 }, 2 ** 51],
    [{ rate: 1_000_000_000, interval: "30d" }, Math.floor((2 ** 53 - 1) / 324)],
  ] as [TokenBucketOptions, number][])(
    "allows with %j a burst of up to %i, and names the maximum in the error",
    (options, most) => {
      expect(tokenBucket({ ...options, burst: most }).burst).toBe(most);
      expect(() => tokenBucket({ ...options, burst: most + 1 })).toThrow(`at most ${most}`);
    },
  );

  it("reduces a large rate and interval to lowest terms, so that they can be counted exactly", () => {
    const { rate, intervalMs, burst } = tokenBucket({ rate: 1_000_000_000, interval: "30d" });
    expect({ rate, intervalMs, burst }).toEqual({ rate: 125, intervalMs: 324, burst: 1_000_000_000 });
  });

  it("keeps the ratio of every accepted policy, with all numbers below 2^53", () => {
    const count = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.maxSafeInteger().map(Math.abs));
    fc.assert(
      fc.property(count, count, fc.integer({ min: 1, max: 2 ** 37 }), (rate, burst, interval) => {
        let policy: ReturnType<typeof tokenBucket>;
        try {
          policy = tokenBucket({ rate, burst, interval });
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_OPTION" });
          return;
        }
        expect(BigInt(policy.rate) * BigInt(interval)).toBe(BigInt(rate) * BigInt(policy.intervalMs));
        expect(policy.burst).toBe(burst);
        expect(burst * policy.intervalMs).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
        expect((BigInt(burst) * BigInt(policy.intervalMs)) / BigInt(policy.rate)).toBeLessThanOrEqual(2n ** 52n);
      }),
    );
  });
});

describe.each(Object.entries(windows))("%s", (name, make) => {
  it("is plain, frozen data", () => {
    const algorithm = name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    const policy = make({ name: "daily", limit: 10_000, window: "1d" });
    expect(policy).toMatchObject({ name: "daily", limit: 10_000, windowMs: 86_400_000 });
    expect(dataOf(policy)).toEqual({ algorithm, name: "daily", limit: 10_000, windowMs: 86_400_000 });
    expect(Object.keys(policy)).toEqual(["algorithm", "name", "limit", "windowMs"]);
    expect(Object.isFrozen(policy)).toBe(true);
  });

  it.each([...NO_COUNTS, undefined])("refuses a limit of %s", (limit) => {
    const made = () => make({ limit: limit as number, window: "1s" });
    expect(made).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    expect(made).toThrow('option "limit"');
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", "soon", undefined, null, {}])(
    "refuses a window of %s",
    (window) => {
      const made = () => make({ limit: 1, window: window as number });
      expect(made).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
      expect(made).toThrow('option "window"');
    },
  );

  it.each(NO_NAMES)("refuses the name %j", (name) => {
    const made = () => make({ name: name as string, limit: 1, window: "1s" });
    expect(made).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    expect(made).toThrow('option "name"');
  });

  it("accepts any printable ASCII as a name", () => {
    for (const name of ["a", "a b", '"q"', "a:b%c{d}", "x".repeat(128)]) {
      expect(make({ name, limit: 1, window: "1s" }).name).toBe(name);
    }
  });

  it("refuses unknown options, and suggests the right one", () => {
    const options = { limit: 1, windowMs: 1_000 } as unknown as Parameters<typeof make>[0];
    expect(() => make(options)).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
    expect(() => make(options)).toThrow('write window: "1m"');
  });

  it("refuses a call without options", () => {
    expect(() => make(undefined as unknown as Parameters<typeof make>[0])).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });
});

it("slidingWindow refuses a limit that it can't count exactly", () => {
  expect(slidingWindow({ limit: 2 ** 30, window: 2 ** 37 }).limit).toBe(2 ** 30);
  expect(() => slidingWindow({ limit: 2 ** 30 + 1, window: 1 })).toThrow('option "limit"');
});

describe("an error", () => {
  const check = (policy: object) => () => builtInAlgorithms.get((policy as Policy).algorithm)!.check(policy as Policy);

  it.each(Object.entries({ tokenBucket, ...windows }))("names the function %s", (name, make) => {
    expect(() => make({ limit: 1, window: "1s", nonsense: 1 } as never)).toThrow(`${name} has no option`);
  });

  it.each(Object.keys({ tokenBucket, ...windows }))("names the algorithm of the data of %s", (name) => {
    const algorithm = name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    expect(check({ name: "a", algorithm, nonsense: 1 })).toThrow(
      `a policy with algorithm "${algorithm}" has no option`,
    );
  });

  it("names the allowed range of costs", () => {
    for (const cost of [0, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => checkCost(cost)).toThrow(`cost must be a whole number from 1 to 2^53 - 1, got ${cost}`);
    }
  });

  it("names the invalid number", () => {
    const bucket = tokenBucket();
    expect(() => tokenBucket({ interval: "soon" as "1s" })).toThrow('option "interval"');
    expect(check({ ...bucket, rate: "7" })).toThrow('option "rate"');
    expect(check({ ...bucket, burst: "7" })).toThrow('option "burst"');
    expect(check({ ...bucket, intervalMs: "soon" })).toThrow('option "intervalMs"');
    expect(check({ ...fixedWindow({ limit: 1, window: 1 }), windowMs: "soon" })).toThrow('option "windowMs"');
  });
});

describe("policyFrom", () => {
  const made = [
    tokenBucket({ name: "a", rate: 7, burst: 20 }),
    fixedWindow({ name: "b", limit: 1, window: 50 }),
    slidingWindow({ name: "c", limit: 2, window: "1d" }),
    slidingLog({ name: "d", limit: 3, window: "1h" }),
  ];

  it.each(made)("creates the same policy of $algorithm from its data", (policy) => {
    const again = policyFrom(dataOf(policy) as Policy);
    expect(again).toEqual(policy);
    expect(algorithmOf(again)).toBe(algorithmOf(policy));
  });

  it("names the mistake in the data", () => {
    const from = (data: unknown) => () => policyFrom(data as Policy);
    for (const data of [undefined, null, "fixed-window"]) expect(from(data)).toThrow('option "data" must be');
    expect(from({ ...made[1], limit: "1" })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    const strange = from({ name: "a", algorithm: "leaky-sieve" });
    expect(strange).toThrow(expect.objectContaining({ code: "UNKNOWN_ALGORITHM" }));
    expect(strange).toThrow("Known: token-bucket, fixed-window, sliding-window, sliding-log");
  });
});

describe("a policy", () => {
  it("carries its algorithm, even if it is copied with other numbers", () => {
    const policy = fixedWindow({ limit: 1, window: 50 });
    expect(algorithmOf({ ...policy, limit: 2 } as Policy)).toBe(builtInAlgorithms.get("fixed-window"));
  });

  it("is refused as plain data, with an error that names policyFrom", () => {
    const data = dataOf(fixedWindow({ limit: 1, window: 50 })) as Policy;
    expect(() => algorithmOf(data)).toThrow('policy "default" is plain data: pass it through policyFrom(…)');
  });
});

describe("the check of an algorithm", () => {
  const check = (policy: Policy) => builtInAlgorithms.get(policy.algorithm)!.check(policy);
  const policies: Policy[] = [
    tokenBucket({ name: "a", rate: 1_000_000_000, interval: "30d" }),
    fixedWindow({ name: "b", limit: 1, window: 50 }),
    slidingWindow({ name: "c", limit: 2, window: "1d" }),
    slidingLog({ name: "d", limit: 3, window: "1h" }),
  ];

  it.each(policies)("returns an equal policy of $algorithm, even from JSON", (policy) => {
    expect(check(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
  });

  it.each(policies)("refuses $algorithm if a number is missing, invalid or has the wrong name", (policy) => {
    for (const field of Object.keys(policy).filter((name) => name !== "algorithm" && name !== "name")) {
      for (const broken of [undefined, null, Number.NaN, "1", -1]) {
        expect(() => check({ ...policy, [field]: broken }), `${field} ${broken}`).toThrow(
          expect.objectContaining({ code: "INVALID_OPTION" }),
        );
      }
    }
    const misnamed = { ...policy, ...{ interval: "1h", window: "1h" } };
    expect(() => check(misnamed)).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
  });
});
