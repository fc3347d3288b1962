import { memoryStore } from "@sluice/store-memory";
import { describe, expect, test } from "vitest";
import { createLimiter, fixedWindow, rateLimit, SluiceError, tokenBucket } from "../src/index.js";

// Calls that TypeScript would refuse. People who switch from other libraries often write JavaScript.
const limitBy = rateLimit as (...args: unknown[]) => unknown;
const limiterOf = createLimiter as unknown as (...args: unknown[]) => unknown;
const store = memoryStore();

/** The code and message of the error that a call throws. */
function errorOf(call: () => unknown): { code: string; message: string } {
  try {
    call();
  } catch (error) {
    if (error instanceof SluiceError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was thrown");
}

const FIRST = 'rateLimit(memoryStore(), fixedWindow({ limit: 100, window: "1m" }))';
const BEFORE = 'before the options, as in rateLimit(store, fixedWindow({ limit: 100, window: "1m" }), options)';

describe("an error contains the fix", () => {
  test.each<[title: string, call: () => unknown, code: string, fix: string]>([
    ["options without a store", () => limitBy({ windowMs: 60_000, max: 5 }), "INVALID_STORE", FIRST],
    ["options after an undefined store", () => limitBy(undefined, { windowMs: 1 }), "INVALID_STORE", FIRST],
    ["no store", () => limitBy(), "INVALID_STORE", "memoryStore() of @sluice/store-memory"],
    ["a store that was not created", () => limitBy(memoryStore), "INVALID_STORE", FIRST],
    ["the store last", () => limitBy(tokenBucket(), store), "INVALID_STORE", "Pass a store first"],
    [
      "a request",
      () => limitBy({ method: "GET" }, {}, () => {}),
      "INVALID_STORE",
      "call rateLimit when the app starts",
    ],
    ["a context", () => limitBy({ req: {} }, () => {}), "INVALID_STORE", "call rateLimit when the app starts"],
    ["a limit", () => limitBy(store, { limit: 100, window: "1m" }), "UNKNOWN_OPTION", BEFORE],
    ["a rate", () => limitBy(store, { rate: 6 }), "UNKNOWN_OPTION", BEFORE],
    ["a store option", () => limitBy(store, { store }), "UNKNOWN_OPTION", BEFORE],
    ["policies as an option", () => limitBy(store, { policies: tokenBucket() }), "UNKNOWN_OPTION", BEFORE],
    ["a policy with only numbers", () => limitBy(store, [{ limit: 5 }]), "INVALID_OPTION", "fixedWindow({ limit: 100"],
    ["a function that creates policies", () => limitBy(store, tokenBucket), "INVALID_OPTION", "call it"],
    ["trustProxy", () => limitBy(store, { trustProxy: 1 }), "UNKNOWN_OPTION", 'app.set("trust proxy", 1)'],
    ["a limiter of a store", () => limiterOf(store), "INVALID_OPTION", "write createLimiter({ store })"],
    ["a limiter with a limit", () => limiterOf({ store, points: 5 }), "UNKNOWN_OPTION", "write policies: fixedWindow("],
    ["max in a window", () => fixedWindow({ max: 5 } as never), "UNKNOWN_OPTION", "write limit: 100"],
    ["windowMs in a window", () => fixedWindow({ windowMs: 5 } as never), "UNKNOWN_OPTION", 'write window: "1m"'],
    ["limit in a bucket", () => tokenBucket({ limit: 5 } as never), "UNKNOWN_OPTION", "write rate: 100"],
    ["duration in a bucket", () => tokenBucket({ duration: 5 } as never), "UNKNOWN_OPTION", 'write interval: "1m"'],
  ])("%s", (_title, call, code, fix) => {
    const error = errorOf(call);
    expect(error.code).toBe(code);
    expect(error.message).toContain(fix);
  });

  test.each([
    ["windowMs max limit window points duration interval burst tokens limiter db redis storeClient", BEFORE],
    ["keyGenerator id", "write key: "],
    ["standardHeaders legacyHeaders disableHeader", 'write headers: ["draft-8", "legacy"]'],
    ["requestPropertyName", "write requestProperty: "],
    ["skipSuccessfulRequests", "write refundWhen: ({ status }) => status < 400"],
    ["skipFailedRequests", "write refundWhen: ({ status }) => status >= 400"],
    ["passOnStoreError", "write failOpen: true"],
    ["insuranceLimiter", "write fallback: memoryStore()"],
    ["ipv6Subnet", "write ipv6Prefix: "],
    ["whitelist", "write skip: "],
    ["status", "write statusCode: "],
    ["errorMessage", "write message: "],
    ["blockDuration", "write autoBlock: escalatingBlock("],
    ["keyPrefix", 'did you mean "prefix"?'],
  ])("options of other libraries: %s", (names, fix) => {
    for (const name of names.split(" ")) {
      const { code, message } = errorOf(() => limitBy(store, { [name]: 1 }));
      expect(code).toBe("UNKNOWN_OPTION");
      expect(message).toContain(`rateLimit has no option "${name}"`);
      expect(message).toContain(fix);
    }
  });
});

test("accepts draft-8 as a name for the fields of draft 11", () => {
  expect(() => rateLimit(store, { headers: "draft-8" })).not.toThrow();
  expect(() => rateLimit(store, { headers: ["draft-8", "legacy"] })).not.toThrow();
  expect(errorOf(() => limitBy(store, { headers: "draft-9" })).code).toBe("INVALID_OPTION");
});
