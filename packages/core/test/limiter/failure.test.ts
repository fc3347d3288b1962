import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { createLimiter, fixedWindow, type LimiterOptions, SluiceError, type Store } from "../../src/index.js";
import type { DecidingStore } from "../../src/store/index.js";
import { mapStore, threeMethodStore } from "../fixtures/map-store.js";

const never = () => new Promise<never>(() => {});
const down = new Error("connection refused");
const rejects = () => Promise.reject(down);
const throws = () => {
  throw down;
};

/** A store whose every call runs this function. */
const failing = (call: () => never | Promise<never>): DecidingStore => ({
  ...mapStore(),
  decide: call,
  atomicUpdate: call,
  delete: call,
});
const failingUpdates = (call: () => never | Promise<never>): Store => ({
  ...threeMethodStore(),
  atomicUpdate: call,
  delete: call,
});

const make = (store: Store, options: Partial<LimiterOptions> = {}) =>
  createLimiter({ store, policies: fixedWindow({ limit: 5, window: "1m" }), timeout: 40, ...options });

describe.each([
  ["hangs", never, "STORE_TIMEOUT"],
  ["rejects", rejects, undefined],
  ["throws", throws, undefined],
])("a store that %s", (_, call, code) => {
  describe.each([
    ["and decides", failing],
    ["and has three methods", failingUpdates],
  ])("%s", (__, makeStore) => {
    it.each([true, false])("leaves the decision to failOpen: %s", async (failOpen) => {
      const limiter = make(makeStore(call), { failOpen });
      const startMs = performance.now();
      const decisions = await Promise.all([limiter.consume("a", { cost: 3 }), limiter.consume("b"), limiter.peek("a")]);
      expect(performance.now() - startMs).toBeLessThan(500);
      for (const decision of decisions) {
        expect(decision).toMatchObject({
          allowed: failOpen,
          limit: 5,
          remaining: 0,
          retryAfterMs: failOpen ? 0 : undefined,
          policies: [],
          violated: [],
          source: failOpen ? "failOpen" : "failClosed",
        });
        expect(decision.error).toBeInstanceOf(SluiceError);
        expect(decision.error).toMatchObject(code === undefined ? { code: "STORE_FAILED", cause: down } : { code });
        expect(await limiter.refund(decision)).toBe(false);
      }
      expect(decisions[0]?.cost).toBe(3);
      expect(await limiter.allow("c")).toBe(failOpen);
    });

    it("rejects reset and block with a SluiceError, and reports poor health", async () => {
      const limiter = make(makeStore(call), { failOpen: true });
      const expected = code === undefined ? { code: "STORE_FAILED", cause: down } : { code };
      await expect(limiter.reset("k")).rejects.toMatchObject(expected);
      await expect(limiter.block("k", "1m")).rejects.toMatchObject(expected);
      const health = await limiter.healthCheck();
      expect(health).toMatchObject({ healthy: false, error: expected });
    });

    it("rejects waiting callers, or admits them with failOpen", async () => {
      const closed = make(makeStore(call)).wait("k");
      await expect(closed).rejects.toMatchObject(code === undefined ? { code: "STORE_FAILED", cause: down } : { code });
      expect(await make(makeStore(call), { failOpen: true }).wait("k")).toMatchObject({ source: "failOpen" });
    });
  });
});

describe("a failing store", () => {
  it("is not asked twice for a refund", async () => {
    const store = mapStore();
    const limiter = make(store);
    const decision = await limiter.consume("k");
    const atomicUpdate = vi.spyOn(store, "atomicUpdate").mockImplementation(rejects);
    await expect(limiter.refund(decision)).rejects.toMatchObject({ code: "STORE_FAILED", cause: down });
    expect(await limiter.refund(decision)).toBe(false);
    expect(atomicUpdate).toHaveBeenCalledTimes(1);
  });

  it.each([undefined, null, {}, { allowed: true }, { allowed: true, nowMs: 0, findings: [] }])(
    "has not decided if its answer is %j",
    async (answer) => {
      const nonsense = answer as never;
      for (const decide of [async () => nonsense, () => nonsense]) {
        const { source, allowed } = await make({ ...mapStore(), decide } as DecidingStore).consume("k");
        expect([source, allowed]).toEqual(["failClosed", false]);
      }
    },
  );

  it("may answer with a promise of another realm", async () => {
    const store = mapStore();
    const wrap = runInNewContext("(promise) => new Promise((resolve, reject) => promise.then(resolve, reject))");
    const decide: DecidingStore["decide"] = (...args) => wrap(store.decide(...args));
    const foreign: DecidingStore = { ...store, decide };
    expect(await make(foreign).consume("k")).toMatchObject({ source: "store", remaining: 4 });
  });

  it("is checked with its own health check if it has one", async () => {
    const store = { ...mapStore(), healthCheck: vi.fn(rejects) };
    expect(await make(store).healthCheck()).toMatchObject({
      healthy: false,
      error: { code: "STORE_FAILED", cause: down },
    });
    expect(store.healthCheck).toHaveBeenCalledTimes(1);
  });
});
