import { describe, expect, it, vi } from "vitest";
import {
  type ConsumeOptions,
  createLimiter,
  type Decision,
  fixedWindow,
  type LimiterKey,
  type LimiterOptions,
  type Store,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "../../src/index.js";
import { can, type DecidingStore } from "../../src/store/index.js";
import { manualClock } from "../fixtures/manual-clock.js";
import { mapStore, synchronousStore, threeMethodStore } from "../fixtures/map-store.js";

const fails = (code: string) => expect.objectContaining({ name: "SluiceError", code });

const stores: [string, () => Store & { kept: Map<string, unknown> }][] = [
  ["a store that decides", mapStore],
  ["a store that decides synchronously", synchronousStore],
  ["a store with three methods", threeMethodStore],
];

describe.each(stores)("a limiter on %s", (_, makeStore) => {
  function setUp(options: Partial<LimiterOptions> = {}) {
    const store = makeStore();
    const clock = manualClock();
    const policies = fixedWindow({ limit: 10, window: "10s" });
    return { store, clock, limiter: createLimiter({ store, policies, clock, ...options }) };
  }

  it("decides as the documentation of Decision says", async () => {
    const { limiter } = setUp({ policies: tokenBucket({ rate: 10, interval: "10s" }) });
    await limiter.consume("k");
    await limiter.consume("k");
    expect(await limiter.consume("k")).toMatchObject({
      allowed: true,
      cost: 1,
      limit: 10,
      remaining: 7,
      retryAfterMs: 0,
      resetAfterMs: 3_000,
      violated: [],
      source: "store",
    });
    for (let i = 3; i < 10; i++) await limiter.consume("k");
    const eleventh = await limiter.consume("k");
    expect(eleventh).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1_000, resetAfterMs: 10_000 });
    expect(eleventh.violated).toEqual(["default"]);
    expect(eleventh.error).toBeUndefined();
    expect(eleventh.policies).toEqual([
      {
        policy: limiter.policies[0],
        allowed: false,
        limit: 10,
        windowMs: 10_000,
        remaining: 0,
        retryAfterMs: 1_000,
        resetAfterMs: 10_000,
        blocked: false,
      },
    ]);
  });

  it("serialises a decision as JSON without its key", async () => {
    const { limiter } = setUp();
    const decision = await limiter.consume("a secret", { cost: 3 });
    const json = JSON.stringify(decision);
    expect(JSON.parse(json)).toMatchObject({
      allowed: true,
      cost: 3,
      remaining: 7,
      policies: [{ remaining: 7 }],
      violated: [],
    });
    expect(json).not.toContain("secret");
  });

  it("charges a cost to every policy if all allow it, and to none if one denies it", async () => {
    const { limiter } = setUp({
      policies: [
        tokenBucket({ name: "burst", rate: 5, interval: "1h" }),
        slidingWindow({ name: "daily", limit: 8, window: "1d" }),
        slidingLog({ name: "exact", limit: 20, window: "1h" }),
      ],
    });
    const left = (decision: Decision) => decision.policies.map(({ remaining }) => remaining);
    expect(left(await limiter.consume("k", { cost: 4 }))).toEqual([1, 4, 16]);
    const denied = await limiter.consume("k", { cost: 3 });
    expect(denied).toMatchObject({ allowed: false, violated: ["burst"], limit: 5, remaining: 1 });
    expect(denied.policies.map(({ allowed }) => allowed)).toEqual([false, true, true]);
    expect(left(denied)).toEqual([1, 4, 16]);
    expect(left(await limiter.peek("k"))).toEqual([1, 4, 16]);
  });

  it("reports the binding policy: the violated one with the longest wait, or the one with the least quota", async () => {
    const { limiter } = setUp({
      policies: [
        fixedWindow({ name: "minute", limit: 4, window: "1m" }),
        fixedWindow({ name: "hour", limit: 6, window: "1h" }),
      ],
    });
    expect(await limiter.consume("k", { cost: 3 })).toMatchObject({ limit: 4, remaining: 1, resetAfterMs: 60_000 });
    expect(await limiter.peek("k", { cost: 4 })).toMatchObject({ limit: 6, remaining: 3, retryAfterMs: 3_600_000 });
    expect((await limiter.peek("k", { cost: 4 })).violated).toEqual(["minute", "hour"]);
    const never = await limiter.peek("k", { cost: 5 });
    expect(never).toMatchObject({ allowed: false, limit: 4, retryAfterMs: undefined });
  });

  it("accepts a key for each policy by its name", async () => {
    const { limiter } = setUp({
      policies: [
        fixedWindow({ name: "user", limit: 3, window: "1m" }),
        fixedWindow({ name: "everyone", limit: 4, window: "1m" }),
      ],
    });
    const ask = (user: string) => limiter.consume({ everyone: "all", user });
    expect((await ask("ann")).allowed).toBe(true);
    expect((await limiter.consume({ user: "ann", everyone: "all" }, { cost: 3 })).violated).toEqual(["user"]);
    await ask("ann");
    await ask("bob");
    await ask("bob");
    const denied = await ask("bob");
    expect(denied.violated).toEqual(["everyone"]);
    expect(denied.policies.map(({ remaining }) => remaining)).toEqual([1, 0]);
    expect((await limiter.peek({ user: "cleo", everyone: "others" })).allowed).toBe(true);
  });

  it("shares counts with limiters of the same prefix and policy, and with no others", async () => {
    const { store, clock, limiter } = setUp();
    const policies = limiter.policies;
    await limiter.consume("k", { cost: 10 });
    expect(await createLimiter({ store, clock, policies }).allow("k")).toBe(false);
    expect(await createLimiter({ store, clock, policies, prefix: "other" }).allow("k")).toBe(true);
    const renamed = fixedWindow({ name: "other", limit: 10, window: "10s" });
    expect(await createLimiter({ store, clock, policies: renamed }).allow("k")).toBe(true);
    const changed = slidingLog({ limit: 10, window: "10s" });
    expect(await createLimiter({ store, clock, policies: changed }).allow("k")).toBe(true);
    const raised = fixedWindow({ limit: 12, window: "10s" });
    expect((await createLimiter({ store, clock, policies: raised }).peek("k")).remaining).toBe(2);
  });

  it("returns a boolean for allow", async () => {
    const { limiter } = setUp();
    expect(await limiter.allow("k", { cost: 10 })).toBe(true);
    expect(await limiter.allow("k")).toBe(false);
  });

  it("peeks without a charge, and refunds no peek", async () => {
    const { limiter, store } = setUp();
    const look = await limiter.peek("k", { cost: 4 });
    expect(look).toMatchObject({ allowed: true, cost: 4, remaining: 10 });
    expect(store.kept.size).toBe(0);
    expect(await limiter.refund(look)).toBe(false);
    expect(await limiter.peek("k", { cost: 11 })).toMatchObject({ allowed: false, retryAfterMs: undefined });
  });

  it("refunds once, and only while the charge counts", async () => {
    const { limiter, clock } = setUp();
    await limiter.consume("k", { cost: 3 });
    const decision = await limiter.consume("k", { cost: 4 });
    expect(await limiter.refund(decision)).toBe(true);
    expect(await limiter.refund(decision)).toBe(false);
    expect((await limiter.peek("k")).remaining).toBe(7);
    const late = await limiter.consume("k", { cost: 6 });
    await clock.advance(10_000);
    expect(await limiter.refund(late)).toBe(false);
    expect(await limiter.refund(await limiter.consume("k", { cost: 11 }))).toBe(false);
  });

  it("refunds the charged key, even if the caller changes its object", async () => {
    const { limiter } = setUp({
      policies: [
        fixedWindow({ name: "user", limit: 3, window: "1m" }),
        fixedWindow({ name: "everyone", limit: 4, window: "1m" }),
      ],
    });
    const key = { user: "ann", everyone: "all" };
    const decision = await limiter.consume(key);
    await limiter.consume({ user: "bob", everyone: "all" });
    key.user = "bob";
    expect(await limiter.refund(decision)).toBe(true);
    const left = async (user: string) =>
      (await limiter.peek({ user, everyone: "all" })).policies.map(({ remaining }) => remaining);
    expect([await left("ann"), await left("bob")]).toEqual([
      [3, 3],
      [2, 3],
    ]);
  });

  it("refuses to refund the decision of another limiter, and ignores values that are not decisions", async () => {
    const { store, clock, limiter } = setUp();
    const other = createLimiter({ store, clock, prefix: "other" });
    const decision = await other.consume("k");
    await expect(limiter.refund(decision)).rejects.toThrow(fails("INVALID_OPTION"));
    expect(await other.refund(decision)).toBe(true);
    expect(await limiter.refund({ ...(await limiter.consume("k")) })).toBe(false);
  });

  it("resets a key, or its usage of some policies", async () => {
    const policies = ["a", "b"].map((name) => fixedWindow({ name, limit: 5, window: "1m" }));
    const { limiter } = setUp({ policies });
    const left = async (key: LimiterKey) => (await limiter.peek(key)).policies.map(({ remaining }) => remaining);
    await limiter.consume("k", { cost: 5 });
    await limiter.consume("other", { cost: 5 });
    await limiter.reset({ b: "k" });
    expect(await left("k")).toEqual([0, 5]);
    await limiter.reset("k");
    expect(await left("k")).toEqual([5, 5]);
    expect(await left("other")).toEqual([0, 0]);
    await limiter.reset("never seen");
  });

  it("blocks a key for the given time, or until a reset", async () => {
    const { limiter, clock } = setUp();
    await limiter.consume("k", { cost: 4 });
    await limiter.block("k", "1m");
    expect(await limiter.consume("k")).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfterMs: 60_000,
      violated: ["default"],
      policies: [{ blocked: true }],
    });
    await clock.advance(59_999);
    expect(await limiter.allow("k")).toBe(false);
    await clock.advance(1);
    expect(await limiter.allow("k")).toBe(true);
    await limiter.block("k", "1d");
    await limiter.reset("k");
    expect(await limiter.allow("k")).toBe(true);
  });

  it("blocks only for the policies in a key by names", async () => {
    const policies = ["a", "b"].map((name) => fixedWindow({ name, limit: 5, window: "1m" }));
    const { limiter } = setUp({ policies });
    await limiter.block({ b: "k" }, "1m");
    expect((await limiter.consume("k")).violated).toEqual(["b"]);
    expect((await limiter.consume({ a: "k", b: "other" })).allowed).toBe(true);
    await limiter.block("whole", "1m");
    expect((await limiter.consume("whole")).allowed).toBe(false);
  });

  it.each([0, -1, "soon", Number.NaN, undefined, "10000d"])("refuses to block for %s", async (duration) => {
    const { limiter } = setUp();
    await expect(limiter.block("k", duration as number)).rejects.toThrow(fails("INVALID_OPTION"));
  });

  it("runs a function if the request is allowed, and passes it the decision", async () => {
    const { limiter } = setUp();
    expect(await limiter.execute("k", (decision) => decision.remaining, { cost: 3 })).toBe(7);
    const boom = new Error("boom");
    const failing = limiter.execute("k", async () => {
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    expect((await limiter.peek("k")).remaining).toBe(6);
  });

  it("reports whether its store answers", async () => {
    const { limiter } = setUp();
    const health = await limiter.healthCheck();
    expect(health.healthy).toBe(true);
    expect(health.latencyMs).toBeGreaterThanOrEqual(0);
  });

  it("passes the time of its own clock to every call", async () => {
    const { limiter, store, clock } = setUp();
    const update = vi.spyOn(store, "atomicUpdate");
    const decide = can(store, "decide") ? vi.spyOn(store as DecidingStore, "decide") : undefined;
    await clock.advance(123);
    const decision = await limiter.consume("k");
    await limiter.peek("k");
    await limiter.refund(decision);
    await limiter.block("k", "1m");
    await limiter.reset("k");
    const options = [...update.mock.calls.map((call) => call[2]), ...(decide?.mock.calls.map((call) => call[1]) ?? [])];
    expect(options.length).toBeGreaterThanOrEqual(4);
    for (const given of options) expect(given).toMatchObject({ nowMs: clock.nowMs() });
  });

  it("refuses all calls after it is closed, and does not close the store", async () => {
    const { limiter, store } = setUp();
    const decision = await limiter.consume("k");
    await limiter.close();
    await limiter.close();
    expect(() => limiter.decide("k")).toThrow(fails("CLOSED"));
    const calls = [
      limiter.consume("k"),
      limiter.allow("k"),
      limiter.peek("k"),
      limiter.refund(decision),
      limiter.reset("k"),
      limiter.block("k", "1m"),
      limiter.wait("k"),
      limiter.execute("k", () => 1),
    ];
    for (const call of calls) await expect(call).rejects.toThrow(fails("CLOSED"));
    expect(await limiter.healthCheck()).toMatchObject({ healthy: false, error: { code: "CLOSED" } });
    expect(await createLimiter({ store }).allow("k")).toBe(true);
  });

  const policies = ["a", "b"].map((name) => fixedWindow({ name, limit: 5, window: "1m" }));

  it.each([
    "",
    null,
    undefined,
    5,
    true,
    Number.NaN,
    {},
    [],
    ["k"],
    { a: "k" },
    { a: "k", b: "" },
    { a: "k", b: 5 },
    { a: "k", b: null },
    { a: "k", b: "k", c: "k" },
    Object.create({ a: "k", b: "k" }),
    new Date(),
    new Map([["a", "k"]]),
    () => "k",
    Symbol("k"),
  ])("refuses the key %o", async (key) => {
    const { limiter, store } = setUp({ policies });
    const odd = key as unknown as LimiterKey;
    expect(() => limiter.decide(odd)).toThrow(fails("INVALID_KEY"));
    const calls = [limiter.consume(odd), limiter.allow(odd), limiter.peek(odd), limiter.wait(odd)];
    for (const call of [...calls, limiter.execute(odd, () => 1)])
      await expect(call).rejects.toThrow(fails("INVALID_KEY"));
    expect(store.kept.size).toBe(0);
  });

  it.each(["", null, 5, {}, [], { c: "k" }, { a: "" }, { a: undefined }])(
    "refuses the key %o for reset and block",
    async (key) => {
      const { limiter } = setUp({ policies });
      const odd = key as unknown as LimiterKey;
      await expect(limiter.reset(odd)).rejects.toThrow(fails("INVALID_KEY"));
      await expect(limiter.block(odd, "1m")).rejects.toThrow(fails("INVALID_KEY"));
    },
  );

  it("never repeats the key in an error", async () => {
    const { limiter } = setUp({ policies });
    const error = await limiter.consume({ a: "secret", b: "" }).catch(String);
    expect(error).toMatch(/key for policy "b" must be a non-empty string, got an empty string/);
    expect(error).not.toContain("secret");
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "1", null, true, {}, 1n])(
    "refuses the cost %s",
    async (cost) => {
      const { limiter, store } = setUp();
      const options = { cost } as unknown as ConsumeOptions;
      expect(() => limiter.decide("k", options)).toThrow(fails("INVALID_COST"));
      const calls = [limiter.consume("k", options), limiter.allow("k", options), limiter.peek("k", options)];
      for (const call of [...calls, limiter.wait("k", options)])
        await expect(call).rejects.toThrow(fails("INVALID_COST"));
      expect(store.kept.size).toBe(0);
    },
  );

  it("refuses unknown options of a call", async () => {
    const { limiter } = setUp();
    await expect(limiter.consume("k", { const: 2 } as ConsumeOptions)).rejects.toThrow(fails("UNKNOWN_OPTION"));
    await expect(limiter.wait("k", { timeuot: 2 } as ConsumeOptions)).rejects.toThrow('did you mean "timeout"?');
    await expect(limiter.consume("k", 2 as ConsumeOptions)).rejects.toThrow(fails("INVALID_OPTION"));
    await expect(limiter.consume("k", null as unknown as ConsumeOptions)).rejects.toThrow(fails("INVALID_OPTION"));
  });
});

describe("decide", () => {
  it("answers synchronously if the store does, and with a promise otherwise", async () => {
    const atOnce = createLimiter({ store: synchronousStore() }).decide("k");
    expect(atOnce).not.toBeInstanceOf(Promise);
    expect(atOnce).toMatchObject({ allowed: true, remaining: 99 });
    const later = createLimiter({ store: mapStore() }).decide("k");
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toMatchObject({ allowed: true, remaining: 99 });
  });

  it("keeps no reference to an answer that the store reuses", async () => {
    const policies = [
      fixedWindow({ name: "a", limit: 5, window: "1m" }),
      fixedWindow({ name: "b", limit: 6, window: "1m" }),
    ];
    const limiter = createLimiter({ store: synchronousStore(), policies });
    const first = (await limiter.consume("k")) as Decision;
    await limiter.consume("k", { cost: 4 });
    await limiter.consume("other", { cost: 2 });
    expect(first).toMatchObject({ remaining: 4, policies: [{ remaining: 4 }, { remaining: 5 }] });
    expect(await limiter.refund(first)).toBe(true);
    expect((await limiter.peek("k")).remaining).toBe(1);
  });
});
