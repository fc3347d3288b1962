import fc from "fast-check";
import { parseRateLimit } from "ratelimit-header-parser";
import { type Item, parseDictionary, parseList } from "structured-headers";
import { describe, expect, it } from "vitest";
import type { AdvertisedPolicy } from "../../src/http/headers/field.js";
import { retryAfterSeconds } from "../../src/http/headers/numbers.js";
import { fieldWriter, type HeaderFormName } from "../../src/http/headers/writer.js";
import { type Decision, fixedWindow, type PolicyDecision, slidingWindow, tokenBucket } from "../../src/index.js";
import { builtInAlgorithms } from "../../src/store/index.js";
import { decisionOn } from "./decision-on.js";
import vectors from "./vectors.json" with { type: "json" };

const FORMS = { "draft-8": "draft-11", "draft-7": "draft-7", "draft-6": "draft-6", legacy: "legacy" } as const;

/** The fields for a decision, by name. */
function fieldsOf(
  form: HeaderFormName | HeaderFormName[],
  decision: Decision,
  nowMs = 0,
  policies: readonly AdvertisedPolicy[] = decision.policies,
): Record<string, string> {
  const fields = fieldWriter([form].flat(), policies, "epoch")(decision, () => nowMs);
  const retryAfter = decision.allowed ? undefined : retryAfterSeconds(decision);
  const byName = Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  expect(Object.keys(byName)).toHaveLength(fields.length);
  return retryAfter === undefined ? byName : { ...byName, "Retry-After": String(retryAfter) };
}

describe("header vectors", () => {
  for (const { id, policies, state, blocked, nowMs, expected } of vectors.headers) {
    const given: readonly { name: string; limit: number; windowMs: number; unit?: string; pk?: string }[] = policies;
    const advertised = given.map(({ name, limit, windowMs, unit, pk }, i): AdvertisedPolicy & PolicyDecision => {
      const { remaining = 0, resetMs = 0 } = state[i] ?? {};
      const allowed = !(blocked && remaining === 0);
      return {
        policy: fixedWindow({ name, limit, window: windowMs }),
        limit,
        windowMs,
        unit,
        partitionKey: pk,
        allowed,
        remaining,
        retryAfterMs: allowed ? 0 : resetMs,
        resetAfterMs: resetMs,
        blocked: false,
      };
    });
    for (const [form, fields] of Object.entries(expected)) {
      it(`${id}, ${form}`, () => {
        const name = FORMS[form as keyof typeof FORMS];
        expect(fieldsOf(name, decisionOn(advertised), nowMs, advertised)).toEqual(fields);
      });
    }
  }

  for (const { id, quota, windowSec, tokensBefore, cost, resetFull_draft6_7, ...expected } of vectors.tokenBucket) {
    const policy = tokenBucket({ name: "tb", rate: quota, interval: windowSec * 1_000 });
    const algorithm = builtInAlgorithms.get("token-bucket");
    if (algorithm === undefined) throw new Error("no token bucket");
    const used = quota - tokensBefore;
    const before = used === 0 ? undefined : algorithm.step(undefined, policy, 0, used).next?.state;
    const { allowed, remaining, retryAfterMs, resetAfterMs } = algorithm.step(before, policy, 0, cost);
    const numbers = { allowed, remaining, retryAfterMs, resetAfterMs, blocked: false };
    const decision = decisionOn([{ policy, ...algorithm.quota(policy), ...numbers }], cost);

    it(`${id}, draft-8`, () => {
      expect(allowed).toBe(expected.allowed);
      expect(fieldsOf("draft-11", decision)).toEqual(expected["draft-8"]);
    });

    it(`${id}, draft-7 and draft-6 count the time until the bucket is full`, () => {
      expect(fieldsOf("draft-7", decision).RateLimit).toBe(
        `limit=${quota}, remaining=${remaining}, reset=${resetFull_draft6_7}`,
      );
      expect(fieldsOf("draft-6", decision)["RateLimit-Reset"]).toBe(String(resetFull_draft6_7));
    });
  }

  it("refuses names that are invalid in a field", () => {
    for (const { name } of vectors.invalidPolicyNames) {
      expect(() => tokenBucket({ name })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    }
  });
});

/** A decision with one policy. */
function one(policy: PolicyDecision["policy"], found: Partial<PolicyDecision>): Decision {
  const quota = { limit: 10, windowMs: 10_000, ...builtInAlgorithms.get(policy.algorithm)?.quota(policy) };
  const numbers = { allowed: true, remaining: 0, retryAfterMs: 0, resetAfterMs: 0, blocked: false };
  return decisionOn([{ policy, ...quota, ...numbers, ...found }]);
}

describe("the RateLimit field of draft 11", () => {
  const bucket = tokenBucket({ rate: 1, interval: "3s", burst: 3 });

  it("contains the time until the next token if none remains after a grant", () => {
    expect(fieldsOf("draft-11", one(bucket, { remaining: 0, resetAfterMs: 9_000 })).RateLimit).toBe(
      '"default";r=0;t=3',
    );
    expect(fieldsOf("draft-11", one(bucket, { remaining: 0, resetAfterMs: 7_100 })).RateLimit).toBe(
      '"default";r=0;t=2',
    );
  });

  it("contains that time even for several tokens per interval", () => {
    const tens = tokenBucket({ rate: 10, interval: "1m" });
    expect(fieldsOf("draft-11", one(tens, { remaining: 0, resetAfterMs: 60_000 })).RateLimit).toBe('"default";r=0;t=6');
    expect(fieldsOf("draft-11", one(tens, { remaining: 5, resetAfterMs: 30_000 })).RateLimit).toBe(
      '"default";r=5;t=30',
    );
  });

  it("contains the numbers of its decision, even if earlier ones were written", () => {
    const window = fixedWindow({ limit: 1_000_000_000_000, window: "1h" });
    const number = fc.oneof(fc.nat(3), fc.constantFrom(64, 66, 128, 2 ** 32, 2 ** 32 + 64, 999_999_999_999));
    const found = fc.record({ remaining: number, resetAfterS: number });
    fc.assert(
      fc.property(fc.array(found, { minLength: 2, maxLength: 50 }), (all) => {
        const { policies } = one(window, {});
        const write = fieldWriter(["draft-11"], policies, "epoch");
        for (const { remaining, resetAfterS } of all) {
          const decision = one(window, { remaining, resetAfterMs: resetAfterS * 1_000 });
          expect(write(decision, () => 0).at(-1)?.value).toBe(`"default";r=${remaining};t=${resetAfterS}`);
        }
      }),
    );
  });

  it("never states a longer time than Retry-After", () => {
    const window = slidingWindow({ limit: 10, window: "10s" });
    const denied = one(window, { allowed: false, retryAfterMs: 1_200, resetAfterMs: 14_000 });
    expect(fieldsOf("draft-11", denied)).toMatchObject({ RateLimit: '"default";r=0;t=2', "Retry-After": "2" });
  });

  it("contains a time even if waiting does not help, without Retry-After", () => {
    const never = one(bucket, { allowed: false, remaining: 3, retryAfterMs: undefined, resetAfterMs: 0 });
    const fields = fieldsOf("draft-11", never);
    expect(fields.RateLimit).toBe('"default";r=3;t=9');
    expect(fields).not.toHaveProperty("Retry-After");
  });

  it("reads the list of policies only if there are several", () => {
    const { policies } = one(bucket, { remaining: 2, resetAfterMs: 1 });
    const decision = { ...decisionOn(policies) };
    Object.defineProperty(decision, "policies", {
      get() {
        throw new Error("read");
      },
    });
    expect(fieldsOf("draft-11", decision, 0, policies).RateLimit).toBe('"default";r=2;t=6');
  });
});

describe("Retry-After", () => {
  it("is at least one second, even if a custom algorithm returns 0", () => {
    for (const retryAfterMs of [0, 1]) {
      expect(fieldsOf("legacy", one(tokenBucket(), { allowed: false, retryAfterMs }))["Retry-After"]).toBe("1");
    }
  });
});

describe("several forms", () => {
  const decision = one(tokenBucket({ rate: 10, interval: "10s" }), { remaining: 7, resetAfterMs: 3_000 });

  it("are sent together", () => {
    expect(fieldsOf(["legacy", "draft-11"], decision)).toEqual({
      "RateLimit-Policy": '"default";q=10;w=10',
      RateLimit: '"default";r=7;t=7',
      "X-RateLimit-Limit": "10",
      "X-RateLimit-Remaining": "7",
      "X-RateLimit-Reset": "3",
    });
  });

  it("never send one field with two values: the newest form wins", () => {
    expect(fieldsOf(["draft-6", "draft-7", "draft-11"], decision)).toEqual({
      "RateLimit-Policy": '"default";q=10;w=10',
      RateLimit: '"default";r=7;t=7',
      "RateLimit-Limit": "10",
      "RateLimit-Remaining": "7",
      "RateLimit-Reset": "3",
    });
  });

  it("may be turned off", () => {
    expect(fieldsOf([], decision)).toEqual({});
  });
});

describe("the legacy reset field", () => {
  const decision = one(tokenBucket(), { resetAfterMs: 1_500 });
  const resetField = (reset: "epoch" | "delta") =>
    fieldWriter(["legacy"], decision.policies, reset)(decision, () => 1_700_000_000_600).at(-1)?.value;

  it("is a time, or the seconds until then", () => {
    expect(resetField("epoch")).toBe("1700000003");
    expect(resetField("delta")).toBe("2");
  });
});

describe("a decision without an answer of the store", () => {
  it.each(["failOpen", "failClosed"] as const)("has no numbers: %s", (source) => {
    const answered = one(tokenBucket(), {});
    const decision: Decision = { ...answered, policies: [], source };
    expect(fieldsOf(["draft-11", "legacy"], decision, 0, answered.policies)).toEqual({
      "RateLimit-Policy": '"default";q=100;w=1',
    });
  });
});

describe("the fields of any decision", () => {
  const count = fc.oneof(fc.nat(), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
  const ms = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 37 }));
  const name = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
    minLength: 1,
  });
  const policyDecision = fc
    .record({
      name,
      bucket: fc.boolean(),
      limit: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
      windowMs: fc.integer({ min: 1, max: 2 ** 37 }),
      remaining: count,
      allowed: fc.boolean(),
      retryAfterMs: fc.option(
        ms.map((some) => some + 1),
        { nil: undefined },
      ),
      resetAfterMs: ms,
      blocked: fc.boolean(),
    })
    .map(({ name, bucket, windowMs, ...found }): PolicyDecision => {
      const { limit } = found;
      const policy =
        bucket && limit < 1_000
          ? tokenBucket({ name, rate: limit, interval: windowMs })
          : fixedWindow({ name, limit, window: windowMs });
      return { policy, windowMs, ...found, ...(found.allowed && { retryAfterMs: 0 }) };
    });
  const decision = fc.array(policyDecision, { minLength: 1, maxLength: 4 }).map((policies) => decisionOn(policies));

  it("can be parsed by a structured field parser", () => {
    fc.assert(
      fc.property(decision, (any) => {
        const fields = fieldsOf("draft-11", any);
        const [policyList, stateList] = [fields["RateLimit-Policy"], fields.RateLimit].map((value) =>
          parseList(value ?? ""),
        ) as [Item[], Item[]];
        for (const [i, { policy }] of any.policies.entries()) {
          expect(policyList[i]?.[0]).toBe(policy.name);
          expect(stateList[i]?.[0]).toBe(policy.name);
          expect(policyList[i]?.[1].get("q")).toBeGreaterThanOrEqual(1);
          expect(policyList[i]?.[1].get("w")).toBeGreaterThanOrEqual(1);
          expect(stateList[i]?.[1].get("r")).toBeGreaterThanOrEqual(0);
          expect(stateList[i]?.[1].get("t")).toBeGreaterThanOrEqual(0);
        }
        parseDictionary(fieldsOf("draft-7", any).RateLimit ?? "");
        parseList(fieldsOf("draft-7", any)["RateLimit-Policy"] ?? "");
      }),
      { numRuns: 2_000 },
    );
  });

  it("can be parsed by a client's parser in older forms", () => {
    fc.assert(
      fc.property(decision, (any) => {
        fc.pre(any.limit < 1e15 && any.remaining < 1e15);
        const { limit, remaining } = any;
        for (const [form, reset] of [
          ["draft-6", "seconds"],
          ["draft-7", "seconds"],
          ["legacy", "unix"],
        ] as const) {
          expect(parseRateLimit(new Headers(fieldsOf(form, any)), { reset })).toMatchObject({ limit, remaining });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("contain only printable ASCII, and so no line breaks", () => {
    fc.assert(
      fc.property(decision, (any) => {
        for (const value of Object.values(fieldsOf(["draft-11", "draft-6", "legacy"], any, 1e12))) {
          expect(value).toMatch(/^[\x20-\x7e]*$/);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
