import { describe, expect, it } from "vitest";
import { decodeGrants, encodeGrants } from "../src/item-forms.js";
import { decode, encode, isNumbers } from "../src/stored.js";

describe("encode and decode", () => {
  it.each<[string, string | undefined, unknown, boolean]>([
    ["a bucket", "token-bucket", [1, 0, [1_700_000_000_000, 6, 7, 1_000, 1_699_999_999_999]], true],
    ["a blocked bucket", "token-bucket", [1, 1_800_000_000_000, [5, 0, 1, 1, 0]], true],
    ["the largest bucket", "token-bucket", [1, 0, [2 ** 53 - 1, 2 ** 53 - 2, 2 ** 53 - 1, 2 ** 37, 2 ** 44]], true],
    ["a window", "fixed-window", [1, 0, [1_700_000_000_000, 3]], true],
    ["a blocked window", "fixed-window", [1, 7, [0, 0]], true],
    ["a sliding window", "sliding-window", [1, 0, [1_700_000_000_000, 3, 4]], false],
    [
      "a log",
      "sliding-log",
      [1, 0, [1_700_000_000_000, 1, 1_700_000_000_001, 2, 1_700_000_060_000, 2 ** 53 - 1]],
      false,
    ],
    ["a blocked log", "sliding-log", [1, 9, [5, 1]], false],
    ["an empty log", "sliding-log", [1, 0, []], false],
    ["a log out of order", "sliding-log", [1, 0, [5, 1, 4, 1]], false],
    ["a block alone", "token-bucket", [1, 1_700_000_000_000, null], false],
    ["an entry of another version", "token-bucket", [2, 0, ["later"]], false],
    ["a bucket of another shape", "token-bucket", [1, 0, [1, 2, 3]], false],
    ["an invalid numerator", "token-bucket", [1, 0, [1, 7, 7, 1, 1]], false],
    ["fractions", "fixed-window", [1, 0, [0.5, 1]], false],
    ["a window of another shape", "fixed-window", [1, 0, [1, 2, 3]], false],
    ["other state", undefined, { any: ["value", null] }, false],
  ])("%s is restored unchanged", (_, algorithm, state, numbers) => {
    const value = encode(algorithm, state, 123);
    expect(decode(algorithm, value)).toEqual({ state, expiresAtMs: 123 });
    expect(isNumbers(value)).toBe(numbers);
  });

  it("a bucket without an explicit expiry lives until it is full, and a window until it ends", () => {
    const bucket = encode("token-bucket", [1, 0, [1_000, 1, 7, 1, 0]], undefined);
    expect(decode("token-bucket", bucket)?.expiresAtMs).toBe(1_001);
    const blocked = encode("token-bucket", [1, 5_000, [1_000, 0, 7, 1, 0]], undefined);
    expect(decode("token-bucket", blocked)?.expiresAtMs).toBe(5_000);
    const window = { M: { u: { N: "1" }, s: { N: "1000" }, w: { N: "60" } } };
    expect(decode("fixed-window", window)?.expiresAtMs).toBe(1_060);
  });

  it.each([
    ["text that is not JSON", { M: { j: { S: "{" } } }],
    ["another type", { S: "text" }],
    ["missing numbers", { M: { t: { N: "1" } } }],
    ["a rate of 0", { M: { t: { N: "1" }, r: { N: "0" }, i: { N: "1" }, s: { N: "1" } } }],
    ["an invalid log", { M: { g: { S: "zz zz:!" } } }],
  ])("%s is unreadable", (_, value) => {
    expect(() => decode("token-bucket", value as never)).toThrow(
      expect.objectContaining({ code: "STORE_STATE_UNREADABLE" }),
    );
  });
});

// Items as the previous release stored them. Never change them, since state outlives a release.
it.each<[string, Record<string, unknown>, unknown]>([
  [
    "token-bucket",
    { t: { N: "11900000004000" }, r: { N: "7" }, i: { N: "1000" }, s: { N: "1699999999600" } },
    [1_700_000_000_571, 3, 7, 1_000, 1_699_999_999_600],
  ],
  ["fixed-window", { u: { N: "4" }, s: { N: "1699999980000" } }, [1_699_999_980_000, 4]],
  ["sliding-log", { g: { S: "loyw2shc:2 12i4:3" } }, [1_699_999_950_000, 2, 1_699_999_999_900, 3]],
])("reads and writes a %s entry like an earlier release", (algorithm, fields, state) => {
  const plain = { M: { ...fields, x: { N: "1700000060000" } } };
  expect(decode(algorithm, plain as never)).toEqual({ state: [1, 0, state], expiresAtMs: 1_700_000_060_000 });
  expect(encode(algorithm, [1, 0, state], 1_700_000_060_000)).toEqual(plain);
  const entry = [2, 1_700_000_000_500, state, 1_000];
  const blocked = { M: { ...fields, b: { N: "1700000000500" }, l: { N: "1000" }, x: { N: "1700000060000" } } };
  expect(decode(algorithm, blocked as never)).toEqual({ state: entry, expiresAtMs: 1_700_000_060_000 });
  expect(encode(algorithm, entry, 1_700_000_060_000)).toEqual(blocked);
});

it.each([
  ["[1,0,[1699999985000,6,2]]", [1, 0, [1_699_999_985_000, 6, 2]]],
  ["[2,1700000000500,[1699999985000,6,2],1000]", [2, 1_700_000_000_500, [1_699_999_985_000, 6, 2], 1_000]],
])("reads and writes a sliding-window entry like an earlier release: %s", (text, entry) => {
  const value = { M: { j: { S: text }, x: { N: "1700000060000" } } };
  expect(decode("sliding-window", value)).toEqual({ state: entry, expiresAtMs: 1_700_000_060_000 });
  expect(encode("sliding-window", entry, 1_700_000_060_000)).toEqual(value);
});

describe("a log as text", () => {
  it("is short", () => {
    expect(encodeGrants([1_700_000_000_000, 1, 1_700_000_001_000, 5, 1_700_000_001_007, 1])).toBe("loyw3v28 rs:5 7");
  });

  it.each([[[]], [[1]], [["1", 1]], [[1, 0.5]], [[-1, 1]], [[2, 1, 1, 1]], ["text"], [null]])(
    "does not encode %j",
    (log) => {
      expect(encodeGrants(log)).toBeUndefined();
    },
  );

  it("is restored unchanged", () => {
    const log = [0, 1, 1, 36, 37, 2 ** 53 - 1];
    expect(decodeGrants(encodeGrants(log) ?? "")).toEqual(log);
  });
});
