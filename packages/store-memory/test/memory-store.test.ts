import {
  type Algorithm,
  createLimiter,
  fixedWindow,
  type Limiter,
  type Policy,
  SluiceError,
  slidingLog,
  tokenBucket,
} from "@sluice/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type MemoryStore, memoryStore } from "../src/index.js";

const START_MS = 1_700_000_000_000;

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS, toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const advance = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

async function keysOf(store: MemoryStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.exportEntries()) keys.push(key.split(":").at(-1) as string);
  return keys.sort();
}

async function use(limiter: Limiter, key: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await limiter.consume(key);
}

describe("options", () => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 24 + 1, "10" as never])(
    "refuses maxKeys %s",
    (maxKeys) => {
      expect(() => memoryStore({ maxKeys })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    },
  );

  it("refuses an unknown option, and suggests the right one", () => {
    expect(() => memoryStore({ maxkeys: 5 } as never)).toThrow(/did you mean "maxKeys"/);
  });

  it("refuses values that are not objects", () => {
    expect(() => memoryStore(null as never)).toThrow(SluiceError);
  });
});

describe("decisions", () => {
  it("are synchronous", () => {
    const limiter = createLimiter({ store: memoryStore(), policies: tokenBucket({ rate: 1 }) });
    expect(limiter.decide("a")).toMatchObject({ allowed: true, remaining: 0 });
    expect(limiter.decide("a")).toMatchObject({ allowed: false, retryAfterMs: 1000 });
  });

  it("do not change when the store reuses its outcome", () => {
    const limiter = createLimiter({ store: memoryStore(), policies: tokenBucket({ rate: 5 }) });
    const first = limiter.decide("a");
    const second = limiter.decide("b", { cost: 3 });
    expect(first).toMatchObject({ remaining: 4, cost: 1 });
    expect(second).toMatchObject({ remaining: 2, cost: 3 });
  });

  it.each([tokenBucket({ rate: 5, interval: "1h" }), slidingLog({ limit: 5, window: "1h" })])(
    "use entries that were written before the first decision, with $algorithm",
    async (policies) => {
      const before = memoryStore();
      const limiter = createLimiter({ store: before, policies });
      await use(limiter, "used", 2);
      await limiter.block("blocked", "1h");
      const store = memoryStore();
      for await (const { key, state } of before.exportEntries()) {
        await store.atomicUpdate(key, () => ({ state, ttlMs: 3_600_000 }));
      }
      await store.atomicUpdate(`sluice:default:${policies.algorithm}:foreign`, () => ({ state: "text", ttlMs: 1_000 }));
      const moved = createLimiter({ store, policies });
      expect(moved.decide("new")).toMatchObject({ allowed: true, remaining: 4 });
      expect(moved.decide("used")).toMatchObject({ allowed: true, remaining: 2 });
      expect(await moved.peek("blocked")).toMatchObject({ allowed: false, retryAfterMs: 3_600_000 });
      expect(await moved.peek("foreign")).toMatchObject({ error: { code: "STORE_STATE_UNREADABLE" } });
      expect(await keysOf(store)).toEqual(["blocked", "foreign", "new", "used"]);
    },
  );
});

describe("a custom algorithm", () => {
  /** Allows one unit. Its state lives longer than the limit takes to recover. */
  const once: Algorithm<Policy, { at: number; note?: undefined }> = {
    name: "once",
    quota: () => ({ limit: 1, windowMs: 1_000 }),
    step(state, _, nowMs, cost) {
      const allowed = cost === 0 || (state === undefined && cost === 1);
      const used = state !== undefined || (allowed && cost > 0);
      const finding = { allowed, remaining: used ? 0 : 1, retryAfterMs: allowed ? 0 : 1, resetAfterMs: 1, epochMs: 0 };
      return allowed && cost > 0
        ? { ...finding, next: { state: { at: nowMs, note: undefined }, ttlMs: 60_000 } }
        : finding;
    },
  };
  const limiterOn = (store: MemoryStore): Limiter =>
    createLimiter({ store, policies: { name: "own", algorithm: "once" }, algorithms: [once] });

  it("is decided synchronously, and its state lives as long as its ttlMs", () => {
    const limiter = limiterOn(memoryStore());
    expect(limiter.decide("a")).toMatchObject({ allowed: true, remaining: 0 });
    advance(59_000);
    expect(limiter.decide("a")).toMatchObject({ allowed: false });
    advance(1_001);
    expect(limiter.decide("a")).toMatchObject({ allowed: true });
  });

  it("gets its state as JSON, as from any other store", async () => {
    const store = memoryStore();
    limiterOn(store).decide("a");
    for await (const { state } of store.exportEntries()) expect(state).toStrictEqual([1, 0, { at: START_MS }]);
  });

  it("gets no state that it did not write", async () => {
    const store = memoryStore();
    const free: Algorithm = {
      ...once,
      name: "free",
      step: (_state, ...rest) => ({ ...once.step(undefined, ...rest), next: undefined }),
    };
    const limiter = createLimiter({ store, policies: { name: "own", algorithm: "free" }, algorithms: [free] });
    for (let i = 0; i < 3; i++) expect(limiter.decide("a")).toMatchObject({ allowed: true });
    for await (const { state } of store.exportEntries()) expect(state).toEqual([1, 0, null]);
  });
});

describe("entries that were written before a decision", () => {
  const policy = fixedWindow({ limit: 3, window: "1h" });

  it.each([policy, slidingLog({ limit: 3, window: "1h" }), tokenBucket({ rate: 3, interval: "1h" })])(
    "count with $algorithm, and keep their blocks",
    async (policies) => {
      const from = memoryStore();
      await use(createLimiter({ store: from, policies }), "used", 2);
      const entries = [];
      for await (const entry of from.exportEntries()) entries.push(entry);
      const store = memoryStore();
      expect(await store.importEntries(entries)).toEqual([]);
      const limiter = createLimiter({ store, policies });
      await limiter.block("blocked", "1m");
      expect(limiter.decide("used")).toMatchObject({ allowed: true, remaining: 0 });
      expect(limiter.decide("blocked")).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
      expect(limiter.decide("other")).toMatchObject({ allowed: true, remaining: 2 });
      expect(await keysOf(store)).toEqual(["blocked", "other", "used"]);
    },
  );

  it("fail a decision if its algorithm cannot read them", async () => {
    const store = memoryStore();
    await store.atomicUpdate("sluice:default:fixed-window:a", () => ({ state: "text", ttlMs: 60_000 }));
    const limiter = createLimiter({ store, policies: policy, on: { storeError: () => {} } });
    expect(limiter.decide("a")).toMatchObject({ source: "failClosed", error: { code: "STORE_STATE_UNREADABLE" } });
  });
});

describe("expiry", () => {
  it("drops expired entries a few at a time, during other calls", async () => {
    const store = memoryStore();
    const limiter = createLimiter({ store, policies: tokenBucket({ rate: 10, interval: "1s" }) });
    for (let i = 0; i < 500; i++) limiter.decide(`client ${i}`);
    expect(store.size).toBe(500);
    advance(2_000);
    for (let i = 0; i < 1_000; i++) limiter.decide("regular");
    expect(store.size).toBe(1);
    expect(await keysOf(store)).toEqual(["regular"]);
  });

  it.each(["50ms", "90d"] as const)("keeps a window of %s until its end, and no longer", (window) => {
    const store = memoryStore();
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 1, window }) });
    const { resetAfterMs } = limiter.decide("a") as { resetAfterMs: number };
    for (let i = 0; i < 100; i++) limiter.decide(`other ${i}`);
    advance(resetAfterMs - 1);
    for (let i = 0; i < 300; i++) limiter.decide(`other ${i}`);
    expect(limiter.decide("a")).toMatchObject({ allowed: false, retryAfterMs: 1 });
    advance(1);
    expect(limiter.decide("a")).toMatchObject({ allowed: true });
  });

  it("reuses the space of removed entries", () => {
    const store = memoryStore({ maxKeys: 100 });
    const limiter = createLimiter({ store, policies: tokenBucket({ rate: 10, interval: "1s" }) });
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 80; i++) limiter.decide(`client ${round} ${i}`);
      advance(5_000);
    }
    expect(store.size).toBeLessThanOrEqual(100);
  });
});

describe("eviction", () => {
  const policies = tokenBucket({ rate: 10, interval: "10s" });

  it("evicts recovered keys first", async () => {
    const store = memoryStore({ maxKeys: 3 });
    const limiter = createLimiter({ store, policies });
    await use(limiter, "exhausted", 10);
    await use(limiter, "recovered", 1);
    advance(1_500);
    await use(limiter, "light", 1);
    await use(limiter, "new", 1);
    expect(await keysOf(store)).toEqual(["exhausted", "light", "new"]);
  });

  it("then evicts the key that is closest to recovering", async () => {
    const store = memoryStore({ maxKeys: 3 });
    const limiter = createLimiter({ store, policies });
    await use(limiter, "heavy", 9);
    await use(limiter, "light", 2);
    await use(limiter, "middling", 5);
    await use(limiter, "new", 1);
    expect(await keysOf(store)).toEqual(["heavy", "middling", "new"]);
  });

  it("never evicts an exhausted key while there is another key, even one that recovers later", async () => {
    const store = memoryStore({ maxKeys: 50 });
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 3, window: "1m" }) });
    await use(limiter, "attacker", 3);
    advance(1_000);
    for (let i = 0; i < 10_000; i++) limiter.decide(`rotating ${i}`);
    expect(limiter.decide("attacker")).toMatchObject({ allowed: false });
    expect(store.size).toBe(50);
  });

  it("keeps this order with many more keys than it compares at once", async () => {
    const store = memoryStore({ maxKeys: 5_000 });
    const limiter = createLimiter({ store, policies: slidingLog({ limit: 2, window: "1m" }) });
    for (let i = 0; i < 20; i++) await use(limiter, `attacker ${i}`, 2);
    for (let i = 0; i < 20_000; i++) limiter.decide(`rotating ${i}`);
    for (let i = 0; i < 20; i++) expect(limiter.decide(`attacker ${i}`)).toMatchObject({ allowed: false });
    expect(store.size).toBe(5_000);
  });

  it("never evicts a blocked key while there is another key", async () => {
    const store = memoryStore({ maxKeys: 10 });
    const limiter = createLimiter({ store, policies });
    await limiter.block("villain", "30s");
    for (let i = 0; i < 1_000; i++) limiter.decide(`rotating ${i}`);
    expect(limiter.decide("villain")).toMatchObject({ allowed: false });
  });

  it("evicts the key that is closest to recovering if all are exhausted", async () => {
    const store = memoryStore({ maxKeys: 2 });
    const limiter = createLimiter({ store, policies });
    await use(limiter, "first", 10);
    advance(500);
    await use(limiter, "second", 10);
    await use(limiter, "third", 1);
    expect(await keysOf(store)).toEqual(["second", "third"]);
  });

  it("decides several policies even with room for only one entry", () => {
    const store = memoryStore({ maxKeys: 1 });
    const limiter = createLimiter({
      store,
      policies: [tokenBucket({ name: "a", rate: 5 }), tokenBucket({ name: "b", rate: 7 })],
    });
    expect(limiter.decide("x")).toMatchObject({ allowed: true, remaining: 4 });
    expect(store.size).toBe(1);
  });
});

describe("atomicUpdate", () => {
  it("stores a copy of the state, so later changes of the object have no effect", async () => {
    const store = memoryStore();
    const state = { list: [1] };
    await store.atomicUpdate("mine", () => ({ state, ttlMs: 1_000 }));
    state.list.push(2);
    expect(await store.atomicUpdate("mine", () => undefined)).toEqual({ list: [1] });
  });

  it("stores any JSON under a key that looks like a policy's", async () => {
    const store = memoryStore();
    const key = "sluice:default:token-bucket:x";
    await store.atomicUpdate(key, () => ({ state: { not: "an entry" }, ttlMs: 1_000 }));
    expect(await store.atomicUpdate(key, () => undefined)).toEqual({ not: "an entry" });
  });
});
