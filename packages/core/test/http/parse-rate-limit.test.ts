import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRateLimit } from "../../src/index.js";

interface Vector {
  readonly id: string;
  readonly policies: readonly { name: string; limit: number; windowMs: number }[];
  readonly state: readonly { remaining: number; resetMs: number }[];
  readonly nowMs: number;
  readonly expected: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const { headers: vectors } = JSON.parse(readFileSync(new URL("./vectors.json", import.meta.url), "utf8")) as {
  headers: readonly Vector[];
};

/** As Node.js has the fields of a response. */
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
      "draft 6, and the first number of older ones",
      { "ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "7", "ratelimit-reset": "3" },
      [{ ...unknown, limit: 100, remaining: 7, resetAfterMs: 3_000 }],
    ],
    [
      "the legacy form with a moment in seconds",
      { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000010" },
      [{ ...unknown, limit: 60, remaining: 0, resetAfterMs: 10_000 }],
    ],
    [
      "in milliseconds",
      { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1700000000250" },
      [{ ...unknown, remaining: 1, resetAfterMs: 250 }],
    ],
    [
      "with the seconds to go, under its other name",
      { "x-rate-limit-limit": "60", "x-rate-limit-reset": "1.5" },
      [{ ...unknown, limit: 60, resetAfterMs: 1_500 }],
    ],
    [
      "the newest of several forms",
      { "x-ratelimit-limit": "1", "ratelimit-limit": "2", ratelimit: '"x";r=3' },
      [{ ...unknown, name: "x", remaining: 3 }],
    ],
    [
      "nothing from what can't be read",
      { ratelimit: '"x;r=1', "ratelimit-policy": "q=;", "x-ratelimit-limit": "many" },
      [unknown],
    ],
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
    ["1.5", undefined],
    ["-1", undefined],
    ["soon", undefined],
    ["2023-11-14T22:13:30Z", undefined],
  ];
  for (const [value, ms] of waits) {
    it(`Retry-After: ${value}`, () => {
      expect(parseRateLimit({ "retry-after": value }, 1_700_000_000_000).retryAfterMs).toBe(ms);
    });
  }

  it("fields that Node.js gives as arrays", () => {
    expect(parseRateLimit({ ratelimit: ['"a";r=1', '"b";r=2'] }).limits.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("anything, without an exception and in little time", () => {
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
