import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRateLimit } from "../../src/fetch/index.js";

interface Vector {
  readonly id: string;
  readonly policies: readonly { name: string; limit: number; windowMs: number }[];
  readonly state: readonly { remaining: number; resetMs: number }[];
  readonly nowMs: number;
  readonly expected: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const { headers: vectors } = JSON.parse(readFileSync(new URL("../http/vectors.json", import.meta.url), "utf8")) as {
  headers: readonly Vector[];
};

/** Writes the names in lower case, as Node.js does. */
function lowerCase(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
}

const unknown = {
  name: undefined,
  limit: undefined,
  windowMs: undefined,
  remaining: undefined,
  resetAfterMs: undefined,
};

describe("parseRateLimit reads every vector", () => {
  for (const { id, policies, state, nowMs, expected } of vectors) {
    for (const [form, fields] of Object.entries(expected)) {
      it(`${id}, ${form}`, () => {
        const { limits } = parseRateLimit(lowerCase(fields), nowMs);
        const first = limits[0];
        if (form === "draft-8" || form === "draft-11") {
          expect(limits.map(({ name, remaining }) => [name, remaining])).toEqual(
            policies.map(({ name }, i) => [name, Math.min(state[i]!.remaining, 999_999_999_999_999)]),
          );
        } else if (first !== undefined) {
          expect(policies.map(({ limit }) => limit)).toContain(first.limit);
          expect(state.map(({ remaining }) => remaining)).toContain(first.remaining);
        }
        expect(limits.length).toBeGreaterThan(0);
        for (const { resetAfterMs } of limits) expect(resetAfterMs ?? 0).toBeGreaterThanOrEqual(0);
      });
    }
  }
});

describe("parseRateLimit reads", () => {
  const cases: readonly (readonly [what: string, fields: Record<string, string>, limits: readonly object[]])[] = [
    [
      "drafts 8 to 11",
      {
        "ratelimit-policy": '"burst";q=100;w=60, "daily";q=1000;w=86400',
        ratelimit: '"burst";r=50;t=30, "daily";r=9;t=1',
      },
      [
        { name: "burst", limit: 100, windowMs: 60_000, remaining: 50, resetAfterMs: 30_000 },
        { name: "daily", limit: 1_000, windowMs: 86_400_000, remaining: 9, resetAfterMs: 1_000 },
      ],
    ],
    [
      "the renamed parameters",
      { "ratelimit-policy": '"burst";q=100;w=60', ratelimit: '"burst";a=50;w=30' },
      [{ name: "burst", limit: 100, windowMs: 60_000, remaining: 50, resetAfterMs: 30_000 }],
    ],
    [
      "odd names, units, partition keys and spaces",
      {
        ratelimit: '"a\\"b, c;d\\\\"; r=5 ;\tt=3;pk=:c2xvdw==: , "e";r=0',
        "ratelimit-policy": '"e";q=5;qu="content-bytes";w=1',
      },
      [
        { ...unknown, name: "e", limit: 5, windowMs: 1_000, remaining: 0 },
        { ...unknown, name: 'a"b, c;d\\', remaining: 5, resetAfterMs: 3_000 },
      ],
    ],
    [
      "a state without a policy",
      { ratelimit: '"x";r=1;t=2' },
      [{ ...unknown, name: "x", remaining: 1, resetAfterMs: 2_000 }],
    ],
    [
      "a policy without a state",
      { "ratelimit-policy": '"x";q=1;w=2' },
      [{ ...unknown, name: "x", limit: 1, windowMs: 2_000 }],
    ],
    [
      "draft 7",
      { ratelimit: "limit=100, remaining=50, reset=5", "ratelimit-policy": "1000;w=3600, 100;w=60" },
      [
        { name: undefined, limit: 100, windowMs: 60_000, remaining: 50, resetAfterMs: 5_000 },
        { ...unknown, limit: 1_000, windowMs: 3_600_000 },
      ],
    ],
    [
      "draft 6, and the first number of older fields",
      { "ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "7", "ratelimit-reset": "3" },
      [{ ...unknown, limit: 100, remaining: 7, resetAfterMs: 3_000 }],
    ],
    [
      "the legacy form with a reset as a time in seconds",
      { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000010" },
      [{ ...unknown, limit: 60, remaining: 0, resetAfterMs: 10_000 }],
    ],
    [
      "a reset in milliseconds",
      { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1700000000250" },
      [{ ...unknown, remaining: 1, resetAfterMs: 250 }],
    ],
    [
      "the remaining seconds under their other name",
      { "x-rate-limit-limit": "60", "x-rate-limit-reset": "1.5" },
      [{ ...unknown, limit: 60, resetAfterMs: 1_500 }],
    ],
    [
      "the newest of several forms",
      { "x-ratelimit-limit": "1", "ratelimit-limit": "2", ratelimit: '"x";r=3' },
      [{ ...unknown, name: "x", remaining: 3 }],
    ],
    [
      "nothing from invalid fields",
      { ratelimit: '"x;r=1', "ratelimit-policy": "q=;", "x-ratelimit-limit": "many" },
      [unknown],
    ],
    [
      "no strings as numbers, and no items without a number",
      {
        ratelimit: '"a";r="5";t=1, "b";t=1, "c";r;t=1, "d";r=x, "e";r=5;t="1"',
        "ratelimit-policy": '"f";q="5", "g";q=5',
      },
      [
        { ...unknown, name: "g", limit: 5 },
        { ...unknown, name: "e", remaining: 5 },
      ],
    ],
    [
      "an older form if the newest has no valid item",
      { ratelimit: '"a";r="5"', "x-ratelimit-remaining": "3" },
      [{ ...unknown, remaining: 3 }],
    ],
    [
      "fractions, and numbers below zero",
      { ratelimit: '"a";r=0.0;t=1.5, "b";r=-1;t=-3' },
      [
        { ...unknown, name: "a", remaining: 0, resetAfterMs: 1_500 },
        { ...unknown, name: "b", remaining: 0, resetAfterMs: 0 },
      ],
    ],
    [
      "fractions and a reset time in draft 7",
      { ratelimit: "limit=100.0, remaining=-1, reset=1700000010" },
      [{ ...unknown, limit: 100, remaining: 0, resetAfterMs: 10_000 }],
    ],
    [
      "a date in draft 6",
      { "ratelimit-limit": "100", "ratelimit-remaining": "0.0", "ratelimit-reset": "2023-11-14T22:13:30Z" },
      [{ ...unknown, limit: 100, remaining: 0, resetAfterMs: 10_000 }],
    ],
    ...[
      ["2023-11-14T22:13:30Z", 10_000],
      ["2023-11-14T22:13:30.250+00:00", 10_250],
      ["2023-11-15 00:13:30+0200", 10_000],
      ["2023-11-14 22:13:30", 10_000],
      ["Tue, 14 Nov 2023 22:13:30 GMT", 10_000],
      ["1700000010.5", 10_500],
      ["1699999999", 0],
      ['"10"', 10_000],
      ["-5", 0],
      ["6m0s", 360_000],
      ["1.5s", 1_500],
      ["250ms", 250],
      ["9.9995678901234567", 10_000],
      [".5", 500],
      ["1.70000001e9", 10_000],
      ["3.0000000000000004e-05", 1],
      ["2023-11-14 22:13:30 UTC", 10_000],
      ["2023-11-14 22:13:30 +0000", 10_000],
      ["2023-11-14T23:13:30+01", 10_000],
      ["Tue Nov 14 22:13:30 UTC 2023", 10_000],
      ["Wed, 15 Nov 2023 00:13:30 +0200", 10_000],
      ["2023-11-15T03:43:30+05:30", 10_000],
      ["2023-11-14T18:43:30-0330", 10_000],
      [' " 10 " ', 10_000],
      ["x@10", undefined],
      ["100000000000", 1e14 - 1_700_000_000_000],
      ["soon", undefined],
    ].map(
      ([reset, resetAfterMs]) =>
        [
          `the legacy form with the reset ${reset}`,
          { "x-ratelimit-limit": '"60"', "x-ratelimit-remaining": "0.0", "x-ratelimit-reset": `${reset}` },
          [{ ...unknown, limit: 60, remaining: 0, resetAfterMs }],
        ] as const,
    ),
    [
      "the smallest value of a legacy field that was sent twice",
      { "x-ratelimit-limit": "60, 60;w=3600", "x-ratelimit-remaining": "5, -1" },
      [{ ...unknown, limit: 60, remaining: 0 }],
    ],
    ...[
      '"a";r=0;t=10,',
      ', ,"a";r=0;t=10, ',
      '"a"; r = 0; t = 10',
      '"a";R=0;T=10',
      "a;r=0;t=10",
      '"a";r=0;t=1700000010',
      '"a";r=0;t=@1700000010',
      '"a";r=0;t=2023-11-14T22:13:30Z',
      '"a";r=0;t="Tue, 14 Nov 2023 22:13:30 GMT"',
    ].map(
      (ratelimit) =>
        [
          `drafts 8 to 11 as ${ratelimit}`,
          { ratelimit },
          [{ ...unknown, name: "a", remaining: 0, resetAfterMs: 10_000 }],
        ] as const,
    ),
    ...[
      "limit=5, remaining=0, reset=10,",
      "limit=5, , remaining=0, reset=10",
      "Limit=5, Remaining=0, Reset=10",
      "limit = 5, remaining = 0, reset = 10",
      "limit=5; remaining=0; reset=10",
      'limit="5", remaining="0", reset="10"',
      "limit=5, remaining=0, reset=@1700000010",
      "limit=5, remaining=0, reset=2023-11-14T22:13:30Z",
    ].map(
      (ratelimit) =>
        [
          `draft 7 as ${ratelimit}`,
          { ratelimit },
          [{ ...unknown, limit: 5, remaining: 0, resetAfterMs: 10_000 }],
        ] as const,
    ),
    [
      "the longest reset of a legacy field that was sent twice",
      { "x-ratelimit-remaining": "0, 50", "x-ratelimit-reset": "10, 3600" },
      [{ ...unknown, remaining: 0, resetAfterMs: 3_600_000 }],
    ],
    [
      "the remaining seconds under their third name",
      { "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "1.5" },
      [{ ...unknown, remaining: 0, resetAfterMs: 1_500 }],
    ],
    ["draft 7 without the remaining quota", { ratelimit: "limit=5" }, [{ ...unknown, limit: 5 }]],
    ["draft 7 without the limit", { ratelimit: "remaining=3" }, [{ ...unknown, remaining: 3 }]],
    ["draft 6 without the remaining quota", { "ratelimit-limit": "5" }, [{ ...unknown, limit: 5 }]],
    ["draft 6 without the limit", { "ratelimit-remaining": "3" }, [{ ...unknown, remaining: 3 }]],
    ["no dictionary members as list items", { ratelimit: 'x="a";r=5;t=1' }, []],
    ["a name of bytes", { ratelimit: ":YWJj:;r=5" }, [{ ...unknown, name: "YWJj", remaining: 5 }]],
    [
      "a field of 8,192 characters",
      { ratelimit: `"a";r=5;x="${"y".repeat(8_192 - 12)}"` },
      [{ ...unknown, name: "a", remaining: 5 }],
    ],
    ["no longer field", { ratelimit: `"a";r=5;x="${"y".repeat(8_193 - 12)}"` }, []],
    ["nothing from nothing", {}, []],
  ];
  for (const [what, fields, limits] of cases) {
    it(what, () => {
      const nowMs = 1_700_000_000_000;
      expect(parseRateLimit(fields, nowMs).limits).toEqual(limits);
      expect(parseRateLimit(new Headers(fields), nowMs).limits).toEqual(limits);
    });
  }

  const waits: readonly (readonly [value: string, ms: number | undefined])[] = [
    ["120", 120_000],
    [" 0 ", 0],
    ["Tue, 14 Nov 2023 22:13:30 GMT", 10_000],
    ["Tue, 14 Nov 2023 22:13:10 GMT", 0],
    ["1.5", 1_500],
    ["2.0", 2_000],
    ["2.", 2_000],
    ["99999999999999999999", Number.MAX_SAFE_INTEGER],
    ["9".repeat(500), Number.MAX_SAFE_INTEGER],
    ["Tuesday, 14-Nov-23 22:13:30 GMT", 10_000],
    ["Tuesday, 14-Nov-73 22:13:20 GMT", (18_250 + 13) * 86_400_000],
    ["Tuesday, 14-Nov-74 22:13:20 GMT", 0],
    ["Tue Nov 14 22:13:30 2023", 10_000],
    ["Fri Dec  1 22:13:20 2023", 17 * 86_400_000],
    ["tue, 14 nov 2023 22:13:30 gmt", 10_000],
    ["Tue, 14 Nov 23 22:13:30 GMT", 10_000],
    ["Tue, 14 Nov 2023 17:13:30 -0500", 10_000],
    ["14 Nov 2023 22:13:30 GMT", 10_000],
    ["Wednesday, 15-Nov-73 22:13:20 GMT", 0],
    ["Wed, 15 Nov 2023 03:43:30 +0530", 10_000],
    ["Tue, 14 Nov 2023 18:43:30 -0330", 10_000],
    ["Tue, 14 Nov 2023 23:00:00 GMT", 2_800_000],
    ["Tue, 14 Nov 2023 22:59:30 GMT", 2_770_000],
    ["Tue, 14 Nov 2023 23:59:60 GMT", 6_400_000],
    ["Tue, 14 Nov 2023 22:60:00 GMT", undefined],
    ["Tue, 14 Nov 2023 22:13:61 GMT", undefined],
    ["Wed, 14 Nov 2174 22:13:20 GMT", Date.UTC(2174, 10, 14, 22, 13, 20) - 1_700_000_000_000],
    ["7, 12", 12_000],
    ["7,7", 7_000],
    ["Tue, 14 Nov 2023 22:13:30 GMT, Tue, 14 Nov 2023 22:13:40 GMT", 20_000],
    ["Tue, 14 Foo 2023 22:13:30 GMT", undefined],
    ["Tue, 14 Nov 2023 25:13:30 GMT", undefined],
    ["1e3", undefined],
    ["0x10", undefined],
    ["", undefined],
    ["-1", undefined],
    ["soon", undefined],
    ["2023-11-14T22:13:30Z", undefined],
  ];
  for (const [value, ms] of waits) {
    it(`Retry-After: ${value}`, () => {
      expect(parseRateLimit({ "retry-after": value }, 1_700_000_000_000).retryAfterMs).toBe(ms);
    });
  }

  it("fields that are arrays, as in Node.js", () => {
    expect(parseRateLimit({ ratelimit: ['"a";r=1', '"b";r=2'] }).limits.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("any text, without an exception and in little time", () => {
    const odd = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[abrt="\\;, .1:w]*$/));
    fc.assert(
      fc.property(odd, odd, odd, (a, b, c) => {
        const fields = {
          ratelimit: a,
          "ratelimit-policy": b,
          "x-ratelimit-reset": c,
          "ratelimit-limit": c,
          "retry-after": a,
        };
        for (const { limit = 0, remaining = 0, resetAfterMs = 0 } of parseRateLimit(fields).limits) {
          expect([limit, remaining, resetAfterMs].every((value) => value >= 0)).toBe(true);
        }
      }),
      { numRuns: 10_000 },
    );
    const startMs = performance.now();
    for (const piece of ["a", "a;", '"', "a=", ";a=a", "\\", " ", "a, "]) {
      parseRateLimit({ ratelimit: piece.repeat(100_000) });
      parseRateLimit({ ratelimit: piece.repeat(8_000 / piece.length) });
    }
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});
