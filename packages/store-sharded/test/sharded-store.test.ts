import { createLimiter, fixedWindow, type Store, slidingWindow, tokenBucket } from "@sluice/core";
import type {
  DecidingStore,
  ExportEntries,
  ExportedEntry,
  HealthCheck,
  ImportEntries,
  SynchronousStore,
} from "@sluice/core/store";
import { type MemoryStore, memoryStore } from "@sluice/store-memory";
import { modelStore, threeMethodsOf } from "@sluice/testkit";
import { describe, expect, expectTypeOf, it } from "vitest";
import { shardedStore } from "../src/index.js";

const memories = (count: number): MemoryStore[] => Array.from({ length: count }, () => memoryStore());
const KEYS = Array.from({ length: 900 }, (_, i) => `client ${i}`);

async function listed(store: { exportEntries(): AsyncIterable<ExportedEntry> }): Promise<ExportedEntry[]> {
  const entries: ExportedEntry[] = [];
  for await (const entry of store.exportEntries()) entries.push(entry);
  return entries;
}

describe("options", () => {
  it.each([undefined, [], {}, "redis://"])("refuses %j instead of stores", (stores) => {
    expect(() => shardedStore(stores as never)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  });

  it("refuses values that are not stores, repeated stores, and invalid names", () => {
    const store = memoryStore();
    expect(() => shardedStore([store, {} as Store])).toThrow(
      /option "stores\[1\]": a store must have atomicUpdate, delete, close, got an object/,
    );
    expect(() => shardedStore([store, store])).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    for (const names of [["a"], ["a", "a"], ["a", ""], ["a", 1], ["a", "x".repeat(129)], "ab", null]) {
      expect(() => shardedStore(memories(2), { names: names as never })).toThrow(/option "names"/);
    }
    expect(() => shardedStore(memories(2), { name: ["a", "b"] } as never)).toThrow(/did you mean "names"/);
  });
});

describe("keys", () => {
  it("have all their policies in one store, even in ledgers", async () => {
    const policies = [tokenBucket({ name: "a", interval: "1h" }), slidingWindow({ name: "b", limit: 9, window: "1h" })];
    const stores = memories(3);
    const limiter = createLimiter({ store: shardedStore(stores), policies });
    for (const key of KEYS) await limiter.consume(key);
    const found = await Promise.all(stores.map(listed));
    const keysOf = (entries: ExportedEntry[]) => entries.map(({ key }) => key.slice(key.lastIndexOf(":") + 1));
    for (const entries of found) {
      expect(entries.length).toBeGreaterThan(400);
      expect(new Set(keysOf(entries)).size).toBe(entries.length / 2);
    }
    expect(found.flat()).toHaveLength(2 * KEYS.length);
  });

  it("are spread over all stores of nested sharded stores, even of copies and with equal names", async () => {
    const stores = memories(8);
    const [a, b, c, d] = [0, 2, 4, 6].map((first) => shardedStore(stores.slice(first, first + 2)));
    const inner = [shardedStore([a!, b!]), { ...shardedStore([c!, d!]) }];
    const limiter = createLimiter({ store: shardedStore(inner), policies: fixedWindow({ limit: 5, window: "1h" }) });
    for (const key of KEYS) await limiter.consume(key);
    for (const store of stores) expect((await listed(store)).length).toBeGreaterThan(KEYS.length / 8 / 2);
  });

  it("are assigned by the names of the stores, and not by their order", async () => {
    const [a, b, c] = memories(3) as [MemoryStore, MemoryStore, MemoryStore];
    const policies = fixedWindow({ limit: 5, window: "1h" });
    const one = createLimiter({ store: shardedStore([a, b, c], { names: ["a", "b", "c"] }), policies });
    const other = createLimiter({ store: shardedStore([c, a, b], { names: ["c", "a", "b"] }), policies });
    for (const key of KEYS) await one.consume(key, { cost: 2 });
    for (const key of KEYS) expect((await other.consume(key)).remaining).toBe(2);
  });
});

describe("claims in several stores", () => {
  const policies = [
    fixedWindow({ name: "user", limit: 5, window: "1h" }),
    fixedWindow({ name: "tenant", limit: 8, window: "1h" }),
  ];

  it.each([
    ["that decide synchronously", () => shardedStore(memories(5))],
    ["of which some decide synchronously", () => shardedStore([...memories(2), modelStore(), modelStore()])],
    ["with three methods", () => shardedStore([1, 2, 3].map(() => threeMethodsOf(modelStore())))],
  ])("are all granted, or none is, with stores %s", async (_, makeStore) => {
    const limiter = createLimiter({ store: makeStore(), policies });
    for (let i = 0; i < 20; i++) {
      const key = (user: string) => ({ user: `${user} ${i}`, tenant: `tenant ${i}` });
      const costs = [3, 4, 2, 1, 3];
      const allowed = [];
      for (const cost of costs) allowed.push((await limiter.consume(key("ada"), { cost })).allowed);
      expect(allowed).toEqual([true, false, true, false, false]);
      const denied = await limiter.consume(key("bob"), { cost: 4 });
      expect([denied.allowed, denied.violated]).toEqual([false, ["tenant"]]);
      const granted = await limiter.consume(key("bob"), { cost: 3 });
      expect(granted.policies.map(({ remaining }) => remaining)).toEqual([2, 0]);
      expect(await limiter.refund(granted)).toBe(true);
      expect((await limiter.peek(key("bob"))).policies.map(({ remaining }) => remaining)).toEqual([5, 3]);
    }
  });
});

describe("adding a store", () => {
  it("moves only its share of the entries, and does not list the old copies", async () => {
    const stores = memories(4);
    const policies = fixedWindow({ limit: 5, window: "1h" });
    const before = shardedStore(stores.slice(0, 3));
    for (const key of KEYS) await createLimiter({ store: before, policies }).consume(key, { cost: 2 });
    const after = shardedStore(stores);
    const known = await after.importEntries(await listed(before));
    expect(KEYS.length - known.length).toBe(stores[3]?.size);
    expect(Math.abs((stores[3]?.size ?? 0) - KEYS.length / 4)).toBeLessThan(75);
    for (const key of KEYS) expect((await createLimiter({ store: after, policies }).peek(key)).remaining).toBe(3);
    expect(await listed(after)).toHaveLength(KEYS.length);
    expect((await Promise.all(stores.map(listed))).flat()).toHaveLength(KEYS.length + (stores[3]?.size ?? 0));
  });
});

describe("capabilities", () => {
  it("are part of the type", () => {
    const [memory, model, plain] = [memoryStore(), modelStore(), threeMethodsOf(modelStore())];
    expectTypeOf(shardedStore([memory])).toExtend<SynchronousStore & ExportEntries & ImportEntries>();
    expectTypeOf(shardedStore([memory, model])).toExtend<DecidingStore & ExportEntries & ImportEntries>();
    expectTypeOf(shardedStore([memory, model])).not.toExtend<SynchronousStore>();
    expectTypeOf(shardedStore([memory, plain])).not.toExtend<DecidingStore>();
    expectTypeOf(shardedStore([plain])).not.toHaveProperty("exportEntries");
    expectTypeOf(shardedStore([memory])).not.toHaveProperty("healthCheck");
    expectTypeOf(shardedStore<MemoryStore | (Store & HealthCheck)>([memory])).toExtend<HealthCheck>();
  });

  it("are those that all stores have", () => {
    const store = shardedStore([memoryStore(), threeMethodsOf(memoryStore())]);
    expect(Object.keys(store).sort()).toEqual(["asynchronous", "atomicUpdate", "close", "delete"]);
    expect(shardedStore(memories(2)).synchronous).toBe(true);
    expect("synchronous" in shardedStore([memoryStore(), modelStore()])).toBe(false);
    const less = { ...modelStore(), algorithms: new Set(["fixed-window", "own"]) };
    expect([...(shardedStore([modelStore(), less]).algorithms ?? [])]).toEqual(["fixed-window"]);
  });

  it("include close, which closes all stores even if one fails", async () => {
    const stores = memories(3);
    const failing = { ...(stores[0] as MemoryStore), close: () => Promise.reject(new Error("stuck")) };
    const store = shardedStore([failing, ...stores.slice(1)]);
    await expect(store.close()).rejects.toThrow("stuck");
    for (const closed of stores.slice(1)) {
      await expect(closed.atomicUpdate("a", () => undefined)).rejects.toMatchObject({ code: "CLOSED" });
    }
  });
});
