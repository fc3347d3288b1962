import { describe, expect, it } from "vitest";
import {
  createLimiter,
  fixedWindow,
  type LimiterOptions,
  type Policy,
  type Store,
  slidingWindow,
  tokenBucket,
} from "../../src/index.js";
import { asynchronous } from "../../src/store/index.js";
import { manualClock } from "../fixtures/manual-clock.js";
import { mapStore, synchronousStore } from "../fixtures/map-store.js";

const make = (options: object) => createLimiter({ store: mapStore(), ...options } as LimiterOptions);
const fails = (code: string) => expect.objectContaining({ name: "SluiceError", code });

describe("createLimiter", () => {
  it("needs only a store", () => {
    const limiter = createLimiter({ store: mapStore() });
    expect(limiter.policies).toEqual([tokenBucket()]);
    expect(limiter.prefix).toBe("sluice");
  });

  it.each([undefined, null, 5, "store", () => {}])("refuses %s as options", (options) => {
    expect(() => createLimiter(options as unknown as LimiterOptions)).toThrow(fails("INVALID_OPTION"));
  });

  it("refuses unknown options, and suggests the right one", () => {
    expect(() => make({ failopen: true })).toThrow(fails("UNKNOWN_OPTION"));
    expect(() => make({ failopen: true })).toThrow('did you mean "failOpen"?');
    expect(() => make({ policy: tokenBucket() })).toThrow('did you mean "policies"?');
    expect(() => make({ on: { deny: () => {} } })).toThrow('"on" has no option "deny"');
  });

  it.each([undefined, null, {}, 5, "redis://", [], { atomicUpdate() {}, delete() {} }, { ...mapStore(), close: true }])(
    "refuses %s as a store",
    (store) => {
      expect(() => make({ store })).toThrow(fails("INVALID_STORE"));
      expect(() => make({ store })).toThrow("Pass a store first, such as memoryStore()");
    },
  );

  it("names the missing mark of a store", () => {
    const { asynchronous: _, ...store } = mapStore();
    expect(() => make({ store })).toThrow(fails("INVALID_STORE"));
    expect(() => make({ store })).toThrow('import { asynchronous } from "@sluice/core/store"');
    expect(() => make({ store: { ...store, asynchronous: true } })).toThrow(fails("INVALID_STORE"));
    expect(() => make({ store: { ...store, remote: true } })).toThrow(fails("INVALID_STORE"));
    for (const remote of [undefined, null, true, {}]) {
      expect(() => make({ store: { ...store, asynchronous, remote } })).not.toThrow();
    }
  });

  it("refuses a store without a mark if it cannot decide a policy", () => {
    const store = { ...synchronousStore(), asynchronous: undefined, algorithms: new Set(["fixed-window"]) };
    expect(() => make({ store, policies: fixedWindow({ limit: 1, window: 1 }) })).not.toThrow();
    expect(() => make({ store, policies: tokenBucket() })).toThrow(fails("INVALID_STORE"));
  });

  it("denies all requests if a wrapper returns promises for a synchronous store", async () => {
    const { asynchronous: _, ...inner } = synchronousStore();
    const store = { ...inner, decide: async (...args: Parameters<typeof inner.decide>) => inner.decide(...args) };
    const limiter = make({ store, on: { storeError: () => {} } });
    const decision = await limiter.consume("a");
    expect(decision).toMatchObject({ allowed: false, source: "failClosed", error: { code: "INVALID_STORE" } });
    expect(decision.error?.message).toContain("must not return a promise");
    const decide = async (...args: Parameters<typeof inner.decide>) => ({ ...inner.decide(...args) });
    const marked = make({
      store: { ...store, asynchronous, decide },
      policies: fixedWindow({ limit: 10, window: "1h" }),
    });
    const decisions = await Promise.all(Array.from({ length: 100 }, (_, i) => marked.consume(`key ${i % 2}`)));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(20);
  });

  it("names the missing methods of a store", () => {
    const { delete: _, ...store } = mapStore();
    expect(() => make({ store: store as unknown as Store })).toThrow("a store must have delete, got an object.");
  });

  it.each([
    [null],
    ["token-bucket"],
    [5],
    [[]],
    [[null]],
    [() => tokenBucket()],
    [{ ...tokenBucket(), rate: Number.NaN }],
    [{ ...tokenBucket(), burst: 0 }],
    [{ ...tokenBucket(), intervalMs: undefined }],
    [{ ...fixedWindow({ limit: 1, window: 1 }), limit: "1" }],
    [{ ...slidingWindow({ limit: 1, window: 1 }), windowMs: -1 }],
    [[tokenBucket({ name: "a" }), { ...tokenBucket(), name: "b\r\nSet-Cookie: a=b" }]],
  ])("refuses %s as policies", (policies) => {
    expect(() => make({ policies })).toThrow(fails("INVALID_OPTION"));
  });

  it("refuses two policies with the same name", () => {
    const policies = [tokenBucket(), fixedWindow({ limit: 1, window: 1 })];
    expect(() => make({ policies })).toThrow(fails("INVALID_OPTION"));
    expect(() => make({ policies })).toThrow(/option "policies" must have unique names, got "default"/);
  });

  it("refuses a policy with unknown fields", () => {
    expect(() => make({ policies: { ...tokenBucket(), interval: "1h" } })).toThrow(fails("UNKNOWN_OPTION"));
  });

  it("refuses an unknown algorithm", () => {
    const policies = { name: "mine", algorithm: "leaky-sieve" };
    expect(() => make({ policies })).toThrow(fails("UNKNOWN_ALGORITHM"));
    expect(() => make({ policies })).toThrow(/Known: token-bucket, fixed-window, sliding-window, sliding-log/);
  });

  it("checks and freezes policies that were written as plain objects", () => {
    const policy = { ...tokenBucket({ name: "a" }) };
    const [checked] = make({ policies: policy }).policies as [Policy];
    expect(checked).toEqual(policy);
    expect(Object.isFrozen(checked)).toBe(true);
  });

  it.each([5, null, "", "a\nb", "é", "x".repeat(129), {}])("refuses the prefix %j", (prefix) => {
    expect(() => make({ prefix })).toThrow(fails("INVALID_OPTION"));
  });

  it.each(["yes", 1, 0, null, {}])("refuses %j for failOpen", (failOpen) => {
    expect(() => make({ failOpen })).toThrow(fails("INVALID_OPTION"));
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, "soon", "30d", null])(
    "refuses a timeout of %s",
    (timeout) => {
      expect(() => make({ timeout })).toThrow(fails("INVALID_OPTION"));
    },
  );

  it.each([null, 5, [], { decision: "log" }, { denied: null }])("refuses %j as listeners", (on) => {
    const expected = Array.isArray(on) ? undefined : fails("INVALID_OPTION");
    if (expected === undefined) expect(() => make({ on })).not.toThrow();
    else expect(() => make({ on })).toThrow(expected);
  });

  it.each([null, {}, 5, { nowMs: () => 0 }, { sleep: async () => {} }, { ...manualClock(), nowMs: 5 }])(
    "refuses %s as a clock",
    (clock) => {
      expect(() => make({ clock })).toThrow(fails("INVALID_OPTION"));
    },
  );

  const algorithm = { name: "mine", quota: () => ({ limit: 1, windowMs: 1 }), step: () => ({}) };

  it.each([
    [5],
    [{}],
    [[null]],
    [[{ ...algorithm, name: "" }]],
    [[{ ...algorithm, name: "a\nb" }]],
    [[{ ...algorithm, step: undefined }]],
    [[{ ...algorithm, quota: undefined }]],
    [[{ ...algorithm, name: "token-bucket" }]],
    [[algorithm, algorithm]],
  ])("refuses %s as algorithms", (algorithms) => {
    expect(() => make({ algorithms })).toThrow(fails("INVALID_OPTION"));
  });

  it.each([0, 1.5, Number.NaN, undefined, "1"])("refuses an algorithm whose quota is %s", (number) => {
    const policies = { name: "p", algorithm: "mine" };
    for (const quota of [
      { limit: number, windowMs: 1 },
      { limit: 1, windowMs: number },
    ]) {
      const algorithms = [{ ...algorithm, quota: () => quota }];
      expect(() => make({ algorithms, policies })).toThrow(fails("INVALID_OPTION"));
    }
  });
});
