import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createLimiter,
  type Decision,
  fixedWindow,
  type LimiterOptions,
  SluiceError,
  type StoreErrorEvent,
  type StoreRecoveredEvent,
  tokenBucket,
} from "../../src/index.js";
import { decideTogether } from "../../src/limiter/together.js";
import { remote } from "../../src/store/index.js";
import { type FailingStore, failingStore } from "../fixtures/failing-store.js";
import { mapStore, synchronousStore } from "../fixtures/map-store.js";

const policies = fixedWindow({ limit: 5, window: "1h" });

/** A limiter with a store that the test can take down, and the limiter's events. */
function setUp(options: Partial<LimiterOptions> = {}, store: FailingStore = failingStore()) {
  const errors: StoreErrorEvent[] = [];
  const recoveries: StoreRecoveredEvent[] = [];
  const on = {
    storeError: (event: StoreErrorEvent) => void errors.push(event),
    storeRecovered: (event: StoreRecoveredEvent) => void recoveries.push(event),
  };
  const limiter = createLimiter({ store, policies, timeout: "200ms", on, ...options });
  return { store, limiter, errors, recoveries };
}

/** Lets the store fail until the breaker is open. */
async function breakDown({ store, limiter }: ReturnType<typeof setUp>): Promise<void> {
  store.mode = "down";
  for (let i = 0; i < 5; i++) await limiter.consume("somebody");
  store.asked = 0;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("with the breaker open, a limiter", () => {
  it.each([
    [false, "failClosed"],
    [true, "failOpen"],
  ])("decides synchronously by failOpen: %s", async (failOpen, source) => {
    const made = setUp({ failOpen });
    await breakDown(made);
    const decision = made.limiter.decide("k") as Decision;
    expect(decision).toMatchObject({ allowed: failOpen, source, error: { code: "STORE_BREAKER_OPEN" } });
    expect(decision.error?.cause).toMatchObject({ code: "ECONNREFUSED" });
    expect(made.store.asked).toBe(0);
  });

  it("probes with one decision at a time, and uses the store again after the first answer", async () => {
    const made = setUp();
    await breakDown(made);
    for (let ms = 0; ms < 10_000; ms++) {
      await vi.advanceTimersByTimeAsync(1);
      for (let i = 0; i < 3; i++) await made.limiter.consume("k");
    }
    expect(made.store.asked).toBeGreaterThan(10);
    expect(made.store.asked).toBeLessThanOrEqual(20);
    made.store.mode = "up";
    let waitedMs = 0;
    while ((await made.limiter.consume("k")).source !== "store") {
      waitedMs++;
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(waitedMs).toBeLessThanOrEqual(500);
  });

  it("no longer waits for a frozen store, and recovers when it answers", async () => {
    const made = setUp({ failOpen: true });
    made.store.mode = "silent";
    const first = Array.from({ length: 5 }, () => made.limiter.consume("k"));
    await vi.advanceTimersByTimeAsync(200);
    await Promise.all(first);
    expect(made.limiter.decide("k")).not.toBeInstanceOf(Promise);
    made.store.asked = 0;
    for (let ms = 0; ms < 7_000; ms++) {
      await vi.advanceTimersByTimeAsync(1);
      void made.limiter.decide("k");
    }
    expect(made.store.asked).toBeLessThanOrEqual(10);
    made.store.mode = "up";
    let waitedMs = 0;
    for (; waitedMs < 5_000; waitedMs++) {
      const decision = made.limiter.decide("k");
      await vi.advanceTimersByTimeAsync(1);
      if ((await decision).source === "store") break;
    }
    // The probe in flight is lost. Then the cooldown must pass.
    expect(waitedMs).toBeLessThanOrEqual(200 + 500 + 1);
  });

  it("closes the breaker after an answer that arrived past its deadline", async () => {
    const made = setUp();
    const inner = made.store.decide;
    made.store.decide = async (admission, options) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return inner(admission, options);
    };
    const late = Array.from({ length: 5 }, () => made.limiter.consume("k"));
    await vi.advanceTimersByTimeAsync(250);
    expect((await Promise.all(late)).every(({ source }) => source === "failClosed")).toBe(true);
    expect(made.limiter.decide("k")).toMatchObject({ error: { code: "STORE_BREAKER_OPEN" } });
    await vi.advanceTimersByTimeAsync(50);
    expect(made.limiter.decide("k")).toBeInstanceOf(Promise);
  });

  it("counts a failure past the deadline as a failure, and not as an answer", async () => {
    const made = setUp({ breaker: { failures: 2, cooldown: "10s" } });
    made.store.decide = async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      throw new Error("reset by peer");
    };
    const late = Array.from({ length: 2 }, () => made.limiter.consume("k"));
    await vi.advanceTimersByTimeAsync(300);
    await Promise.all(late);
    expect(made.limiter.decide("k")).toMatchObject({ error: { code: "STORE_BREAKER_OPEN" } });
  });

  it("shares the breaker with other limiters on the store that have equal options", async () => {
    const made = setUp();
    const other = setUp({ policies: tokenBucket() }, made.store);
    const stricter = setUp({ breaker: { failures: 10 } }, made.store);
    await breakDown(made);
    await other.limiter.consume("k");
    expect(made.store.asked).toBe(0);
    expect(other.errors).toMatchObject([{ error: { code: "STORE_BREAKER_OPEN" } }]);
    await stricter.limiter.consume("k");
    expect(made.store.asked).toBe(1);
  });

  it("still asks the store for a health check", async () => {
    const made = setUp();
    await breakDown(made);
    expect(await made.limiter.healthCheck()).toMatchObject({ healthy: false, error: { code: "STORE_FAILED" } });
    made.store.mode = "up";
    expect(await made.limiter.healthCheck()).toMatchObject({ healthy: true });
    expect(made.store.asked).toBe(2);
  });

  it("rejects reset, block and refund without sending them, and allows the refund to be retried", async () => {
    const made = setUp();
    const granted = await made.limiter.consume("k", { cost: 3 });
    await breakDown(made);
    const open = { code: "STORE_BREAKER_OPEN" };
    await expect(made.limiter.reset("k")).rejects.toMatchObject(open);
    await expect(made.limiter.block("k", "1h")).rejects.toMatchObject(open);
    await expect(made.limiter.refund(granted)).rejects.toMatchObject(open);
    await expect(made.limiter.refund(granted)).rejects.toMatchObject(open);
    expect(made.store.asked).toBe(0);
    made.store.mode = "up";
    await vi.advanceTimersByTimeAsync(500);
    expect(await made.limiter.refund(granted)).toBe(true);
    expect(await made.limiter.refund(granted)).toBe(false);
    expect(await made.limiter.peek("k")).toMatchObject({ remaining: 5, source: "store" });
  });

  it("does not retry a refund that a probe may have made", async () => {
    const made = setUp();
    const granted = await made.limiter.consume("k", { cost: 3 });
    await breakDown(made);
    await vi.advanceTimersByTimeAsync(500);
    await expect(made.limiter.refund(granted)).rejects.toMatchObject({ code: "STORE_FAILED" });
    expect(await made.limiter.refund(granted)).toBe(false);
  });

  it("rejects waiting callers immediately", async () => {
    const made = setUp();
    await breakDown(made);
    const waits = Array.from({ length: 100 }, () => made.limiter.wait("k", { timeout: "10s" }));
    const results = await Promise.allSettled(waits);
    for (const result of results) expect(result).toMatchObject({ reason: { code: "STORE_BREAKER_OPEN" } });
    expect(made.store.asked).toBe(0);
  });

  it("admits waiting callers immediately with failOpen", async () => {
    const made = setUp({ failOpen: true });
    await breakDown(made);
    const results = await Promise.all(Array.from({ length: 100 }, () => made.limiter.wait("k")));
    for (const result of results) expect(result.source).toBe("failOpen");
  });

  it("still asks the store if breaker is false", async () => {
    const made = setUp({ breaker: false });
    made.store.mode = "down";
    for (let i = 0; i < 20; i++) expect((await made.limiter.consume("k")).error?.code).toBe("STORE_FAILED");
    expect(made.store.asked).toBe(20);
  });

  it("answers all pending calls when it is closed", async () => {
    const made = setUp({ fallback: synchronousStore() });
    made.store.mode = "silent";
    const under = Array.from({ length: 20 }, () => made.limiter.consume("k"));
    await made.limiter.close();
    await vi.advanceTimersByTimeAsync(200);
    expect(new Set((await Promise.all(under)).map(({ source }) => source))).toEqual(new Set(["fallback"]));
    expect(() => made.limiter.decide("k")).toThrow("closed");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an outage", () => {
  it("is reported once, with its length and the number of decisions without the store", async () => {
    const made = setUp({ failOpen: true });
    await breakDown(made);
    for (let i = 0; i < 90; i++) {
      await vi.advanceTimersByTimeAsync(100);
      await made.limiter.consume(String(i));
    }
    made.store.mode = "up";
    await vi.advanceTimersByTimeAsync(500);
    await made.limiter.consume("k");
    expect(made.errors).toHaveLength(1);
    expect(made.errors).toMatchObject([{ error: { code: "STORE_FAILED" }, failOpen: true, source: "failOpen" }]);
    expect(made.recoveries).toEqual([{ downMs: 9_500, decisions: 95 }]);
  });

  it("of a frozen store starts with the first call without an answer", async () => {
    const made = setUp();
    await vi.advanceTimersByTimeAsync(1_000);
    made.store.mode = "silent";
    for (let i = 0; i < 10; i++) void made.limiter.consume("k");
    for (let ms = 0; ms < 3_000; ms += 10) {
      await vi.advanceTimersByTimeAsync(10);
      if (ms === 1_500) made.store.mode = "up";
      void made.limiter.decide("k");
    }
    expect(made.errors).toHaveLength(1);
    expect(made.recoveries).toHaveLength(1);
    expect(made.recoveries[0]?.downMs).toBeGreaterThan(1_500);
    expect(made.recoveries[0]?.downMs).toBeLessThan(1_500 + 200 + 500 + 20);
  });

  it.each([
    [{ failOpen: true }, "requests are allowed without a limit"],
    [{ fallback: synchronousStore() }, "requests are decided by the fallback"],
  ])("is logged if there is no listener: %j", async (options, effect) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const made = setUp({ ...options, on: {} });
    await breakDown(made);
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(20);
      await made.limiter.consume("k");
    }
    made.store.mode = "up";
    await vi.advanceTimersByTimeAsync(300);
    await made.limiter.consume("k");
    expect(logged.mock.calls.map(([line]) => String(line))).toEqual([
      expect.stringContaining(`[sluice] the store failed, and ${effect} until it answers again`),
      "[sluice] the store answers again after 0.5 s; decisions without it: 15",
    ]);
  });
});

describe("a fallback", () => {
  it("decides by the limiter's policies while the store fails", async () => {
    const made = setUp({ fallback: synchronousStore() });
    await made.limiter.consume("k", { cost: 5 });
    await breakDown(made);
    const decisions = await Promise.all(Array.from({ length: 6 }, () => made.limiter.consume("k")));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false]);
    expect(decisions[0]).toMatchObject({ source: "fallback", limit: 5, remaining: 4, violated: [] });
    expect(decisions[0]?.error).toMatchObject({ code: "STORE_BREAKER_OPEN" });
    expect(decisions[5]).toMatchObject({ source: "fallback", remaining: 0, violated: ["default"] });
    expect(JSON.parse(JSON.stringify(decisions[0]))).toMatchObject({ source: "fallback", policies: [{ limit: 5 }] });
    expect(made.errors).toMatchObject([{ source: "fallback" }]);
  });

  it("decides synchronously while the breaker is open", async () => {
    const made = setUp({ fallback: synchronousStore() });
    await breakDown(made);
    expect(made.limiter.decide("k")).not.toBeInstanceOf(Promise);
  });

  it("decides after the timeout if the store does not answer", async () => {
    const made = setUp({ fallback: synchronousStore() });
    made.store.mode = "silent";
    const deciding = made.limiter.consume("k");
    await vi.advanceTimersByTimeAsync(200);
    expect(await deciding).toMatchObject({ source: "fallback", error: { code: "STORE_TIMEOUT" } });
  });

  it.each([
    ["directly", fixedWindow({ limit: 2, window: "1h" })],
    ["as a function of the limiter's policies", () => fixedWindow({ limit: 2, window: "1h" })],
  ])("may have custom policies, passed %s", async (_, own) => {
    const made = setUp({ fallback: { store: synchronousStore(), policies: own } });
    await breakDown(made);
    const decisions = await Promise.all(Array.from({ length: 3 }, () => made.limiter.consume("k")));
    expect(decisions.map(({ remaining, limit }) => [limit, remaining])).toEqual([
      [2, 1],
      [2, 0],
      [2, 0],
    ]);
  });

  it("refunds its own grants, even after the store has recovered", async () => {
    const made = setUp({ fallback: synchronousStore() });
    await breakDown(made);
    const granted = await made.limiter.consume("k", { cost: 4 });
    made.store.mode = "up";
    await vi.advanceTimersByTimeAsync(500);
    expect(await made.limiter.consume("k")).toMatchObject({ source: "store", remaining: 4 });
    expect(await made.limiter.refund(granted)).toBe(true);
    expect(await made.limiter.refund(granted)).toBe(false);
    // The refund did not change the counts of the store.
    expect(await made.limiter.peek("k")).toMatchObject({ source: "store", remaining: 4 });
    made.store.mode = "down";
    for (let i = 0; i < 5; i++) await made.limiter.consume("somebody");
    expect(await made.limiter.peek("k")).toMatchObject({ source: "fallback", remaining: 5 });
  });

  it("refuses to refund a decision of another limiter", async () => {
    const made = setUp({ fallback: synchronousStore() });
    const foreign = await setUp().limiter.consume("k");
    await expect(made.limiter.refund(foreign)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  it("also resets and blocks keys while the store fails", async () => {
    const made = setUp({ fallback: synchronousStore() });
    await breakDown(made);
    await made.limiter.consume("k", { cost: 5 });
    await expect(made.limiter.reset("k")).rejects.toMatchObject({ code: "STORE_BREAKER_OPEN" });
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: true, source: "fallback" });
    await expect(made.limiter.block("k", "1h")).rejects.toMatchObject({ code: "STORE_BREAKER_OPEN" });
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: false, policies: [{ blocked: true }] });
  });

  it("that fails too leaves the decision to failOpen", async () => {
    const spare = failingStore();
    spare.mode = "down";
    vi.spyOn(console, "error").mockImplementation(() => {});
    const made = setUp({ failOpen: true, fallback: spare });
    await breakDown(made);
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: true, source: "failOpen" });
  });

  it("that is remote too has its own timeout", async () => {
    const spare = failingStore();
    const made = setUp({ fallback: spare });
    await breakDown(made);
    expect(await made.limiter.consume("k")).toMatchObject({ source: "fallback", remaining: 4 });
  });

  it("makes waiting callers sleep for its retry time", async () => {
    const made = setUp({ policies: tokenBucket({ rate: 10, burst: 1 }), fallback: synchronousStore() });
    await breakDown(made);
    const startMs = performance.now();
    const waits = ["first", "second", "third"].map(async () => {
      const { source } = await made.limiter.wait("k");
      return [source, Math.round(performance.now() - startMs)];
    });
    await vi.advanceTimersByTimeAsync(400);
    expect(await Promise.all(waits)).toEqual([
      ["fallback", 0],
      ["fallback", 100],
      ["fallback", 200],
    ]);
  });

  it("emits its decisions", async () => {
    const seen: string[] = [];
    const made = setUp({
      fallback: synchronousStore(),
      on: { decision: ({ source }) => void seen.push(source), storeError() {} },
    });
    await breakDown(made);
    await made.limiter.consume("k");
    expect(seen.at(-1)).toBe("fallback");
  });
});

describe("invalid options", () => {
  const store = failingStore();
  const memory = synchronousStore();
  it.each([
    ["breaker.failures", { breaker: { failures: 0 } }, "breaker.failures"],
    ["breaker.cooldown", { breaker: { cooldown: "soon" } }, "breaker.cooldown"],
    ["breaker", { breaker: { cooldwn: 5 } }, "did you mean"],
    ["breaker", { breaker: true }, "breaker"],
    ["denyCache.maxKeys", { denyCache: { maxKeys: 1.5 } }, "denyCache.maxKeys"],
    ["denyCache.maxAge", { denyCache: { maxAge: 0 } }, "denyCache.maxAge"],
    ["denyCache", { denyCache: { maxage: 5 } }, "did you mean"],
    ["fallback", { fallback: "memory" }, "fallback"],
    ["fallback", { fallback: null }, "fallback"],
    ["fallback", { fallback: false }, "fallback"],
    ["fallback", { fallback: {} }, "fallback"],
    ["fallback", { fallback: { store } }, "must differ from the limiter's store"],
    ["fallback.policies", { fallback: { store: memory, policies: tokenBucket({ name: "other" }) } }, '"default"'],
    ["fallback", { fallback: { store: memory, polices: [] } }, "did you mean"],
  ])("are refused: %s in %j", (_, options, words) => {
    const make = () => createLimiter({ store, policies, ...(options as object) });
    expect(make).toThrow(SluiceError);
    expect(make).toThrow(words);
  });

  it.each(["breaker", "denyCache", "fallback"])("are refused for a store that is not remote: %s", (option) => {
    const make = (value: unknown) => createLimiter({ store: memory, policies, [option]: value });
    expect(() => make(option === "fallback" ? mapStore() : {})).toThrow("not marked as remote");
    if (option !== "fallback") expect(() => make(false)).not.toThrow();
  });
});

describe("a joint decision of several limiters", () => {
  const named = (name: string) => fixedWindow({ name, limit: 5, window: "1h" });

  it("is made by their fallbacks, and each can be refunded", async () => {
    const one = setUp({ policies: named("one"), fallback: synchronousStore() });
    const two = setUp({ policies: named("two"), failOpen: true }, one.store);
    await breakDown(one);
    const joined = await decideTogether([one.limiter.join("k"), two.limiter.join("k")]);
    expect(joined).toMatchObject([
      { decision: { source: "fallback", allowed: true }, charged: true },
      { decision: { source: "failOpen", allowed: true }, charged: false },
    ]);
    expect(one.store.asked).toBe(0);
    expect(await one.limiter.refund(joined[0]?.decision as Decision)).toBe(true);
  });

  it("counts as one call for the breaker", async () => {
    const one = setUp({ policies: named("one") });
    const two = setUp({ policies: named("two") }, one.store);
    one.store.mode = "down";
    const decide = () => decideTogether([one.limiter.join("k"), two.limiter.join("k")]);
    for (let i = 0; i < 4; i++) await decide();
    expect(one.store.asked).toBe(4);
    await decide();
    await decide();
    expect(one.store.asked).toBe(5);
  });

  it("is answered from the cache if the first limiter's key is exhausted", async () => {
    const one = setUp({ policies: named("one") });
    const two = setUp({ policies: named("two") }, one.store);
    const decide = () => decideTogether([one.limiter.join("k"), two.limiter.join("k")]);
    await one.limiter.consume("k", { cost: 5 });
    expect(await decide()).toMatchObject([
      { decision: { source: "store", allowed: false } },
      { decision: { allowed: true } },
    ]);
    one.store.asked = 0;
    expect(await decide()).toMatchObject([
      { decision: { source: "cache", allowed: false }, charged: false },
      undefined,
    ]);
    expect(one.store.asked).toBe(0);
    // An earlier check might deny too, and would then give the answer.
    await decideTogether([two.limiter.join("k"), one.limiter.join("k")]);
    expect(one.store.asked).toBe(1);
    expect(await two.limiter.consume("k")).toMatchObject({ source: "store", remaining: 4 });
  });
});

it("accepts options for the breaker and the deny cache along with a fallback in memory", async () => {
  const fallback = synchronousStore();
  const set = setUp({ fallback, breaker: { failures: 1 }, denyCache: { maxKeys: 5 } });
  set.store.mode = "down";
  for (let i = 0; i < 3; i++) await set.limiter.consume("k");
  expect(set.store.asked).toBe(1);
  expect(set.limiter.decide("k")).toMatchObject({ source: "fallback", remaining: 1 });
});

describe("a wrapper of a store", () => {
  it("that copies its mark is called instead of the store", async () => {
    const inner = failingStore();
    const wrapped = { ...inner, decide: vi.fn(inner.decide) };
    await createLimiter({ store: wrapped, policies }).consume("k");
    expect(wrapped.decide).toHaveBeenCalledTimes(1);
  });

  it("may return a promise from every method", async () => {
    const inner = failingStore();
    const wrapped: FailingStore = Object.fromEntries(
      Object.entries(inner).map(([name, value]) => [
        name,
        typeof value === "function" ? async (...args: unknown[]) => value(...args) : value,
      ]),
    ) as never;
    const limiter = createLimiter({ store: wrapped, policies, fallback: mapStore() });
    inner.mode = "down";
    for (let i = 0; i < 6; i++) await limiter.consume("k");
    expect(inner.asked).toBe(5);
    expect(await limiter.consume("k")).toMatchObject({ source: "fallback", error: { code: "STORE_BREAKER_OPEN" } });
  });

  it("may be an instance of a class", async () => {
    class Store {
      readonly remote = remote;
      readonly inner = mapStore();
      atomicUpdate: FailingStore["atomicUpdate"] = (...args) => this.inner.atomicUpdate(...args);
      async delete(key: string) {
        return this.inner.delete(key);
      }
      async close() {}
    }
    const limiter = createLimiter({ store: new Store(), policies });
    for (let i = 0; i < 6; i++) await limiter.consume("k");
    await limiter.reset("k");
    expect(await limiter.consume("k")).toMatchObject({ allowed: true });
  });
});
