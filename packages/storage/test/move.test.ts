import {
  type Algorithm,
  createLimiter,
  fixedWindow,
  type Policy,
  type Store,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "@sluice/core";
import type { ExportEntries, ExportedEntry } from "@sluice/core/store";
import { createBlocklist, createDebouncer, createRegistry } from "@sluice/protections";
import { memoryStore } from "@sluice/store-memory";
import { modelStore, threeMethodsOf } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import { exportEntries, importEntries, type MoveSummary, moveState } from "../src/index.js";

const POLICIES = [
  tokenBucket({ name: "bucket", rate: 7, burst: 20, interval: "1d" }),
  fixedWindow({ name: "fixed", limit: 20, window: "1d" }),
  slidingWindow({ name: "sliding", limit: 20, window: "1d" }),
  slidingLog({ name: "log", limit: 20, window: "1d" }),
];

const NOTHING: MoveSummary = { read: 0, written: 0, merged: 0, alreadyThere: 0, expired: 0, leftOut: {} };

async function listed(store: Store): Promise<ExportedEntry[]> {
  const entries: ExportedEntry[] = [];
  for await (const entry of exportEntries(store)) entries.push(entry);
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** A store with every kind of entry. */
async function filled(clients = 10): Promise<ReturnType<typeof memoryStore>> {
  const store = memoryStore();
  const limiter = createLimiter({ store, policies: POLICIES });
  for (let i = 0; i < clients; i++) await limiter.consume(`client ${i}`, { cost: 1 + (i % 20) });
  await limiter.block("client 1", "1h");
  await createBlocklist({ store }).block("192.0.2.1", { for: "1h", reason: "abuse" });
  await createBlocklist({ store }).block("10.0.0.0/8");
  await createRegistry({ store }).register("ada", { plan: "paid" });
  await createDebouncer({ store, window: "1h" }).seen("ada", "order 1");
  return store;
}

describe.each([
  ["a store that imports pages", () => memoryStore()],
  ["a store with three methods", () => threeMethodsOf(modelStore())],
])("into %s", (_, makeTarget) => {
  it("moves limits, blocks, clients and debounce windows, which continue", async () => {
    const from = await filled();
    const to = makeTarget();
    const all = await listed(from);
    expect(await moveState(from, to)).toEqual({ ...NOTHING, read: all.length, written: all.length });
    const [before, after] = [from, to].map((store) => createLimiter({ store, policies: POLICIES }));
    for (let i = 0; i < 10; i++) {
      const [one, other] = [await before!.peek(`client ${i}`), await after!.peek(`client ${i}`)];
      expect(other.policies.map(({ remaining }) => remaining)).toEqual(one.policies.map(({ remaining }) => remaining));
    }
    expect((await after!.consume("client 1")).allowed).toBe(false);
    expect(await createBlocklist({ store: to }).findBlock("192.0.2.1")).toMatchObject({ reason: "abuse" });
    expect(await createBlocklist({ store: to }).findBlock("10.1.2.3")).toBeDefined();
    expect((await createRegistry({ store: to }).get("ada"))?.fields).toEqual({ plan: "paid" });
    const debouncer = createDebouncer({ store: to, window: "1h" });
    expect([await debouncer.seen("ada", "order 1"), await debouncer.seen("ada", "order 2")]).toEqual([true, false]);
  });

  it("changes nothing in a second move or a dry run", async () => {
    const from = await filled();
    const all = (await listed(from)).length;
    const [to, other] = [makeTarget(), makeTarget()];
    const dry = await moveState(from, other, { dryRun: true });
    expect(dry).toEqual({ ...NOTHING, read: all, written: all });
    for (const { key } of await listed(from)) expect(await other.atomicUpdate(key, () => undefined)).toBeUndefined();
    await moveState(from, to);
    expect(await moveState(from, to)).toEqual({ ...NOTHING, read: all, alreadyThere: all });
    expect(await moveState(from, to, { dryRun: true })).toEqual({ ...NOTHING, read: all, alreadyThere: all });
    const policies = POLICIES[1] as Policy;
    await createLimiter({ store: from, policies }).consume("client 2", { cost: 5 });
    expect(await moveState(from, to, { dryRun: true })).toMatchObject({ merged: 1, alreadyThere: all - 1 });
    expect((await createLimiter({ store: to, policies }).peek("client 2")).remaining).toBe(17);
    expect(await moveState(from, to)).toMatchObject({ merged: 1, alreadyThere: all - 1 });
    expect((await createLimiter({ store: to, policies }).peek("client 2")).remaining).toBe(12);
    expect(await moveState(from, to)).toMatchObject({ merged: 0, alreadyThere: all });
  });

  it("leaves out entries whose keys are digests, and counts them", async () => {
    const digested: ExportedEntry = {
      key: `sluice:a:fixed-window:#${"0".repeat(64)}`,
      digested: true,
      state: [1, 0, [Date.now(), 1]],
      expiresAtMs: Date.now() + 60_000,
    };
    const plain: ExportedEntry = { ...digested, key: "sluice:a:fixed-window:b", digested: undefined as never };
    expect(await importEntries(makeTarget(), [digested, plain])).toEqual({
      ...NOTHING,
      read: 2,
      written: 1,
      leftOut: { DIGESTED_KEY: 1 },
    });
  });
});

it("moves a ledger to a store that decides, and back", async () => {
  const model = modelStore();
  const from = { ...threeMethodsOf(model), exportEntries: () => model.exportEntries() };
  const limiterOn = (store: Store, policies: readonly Policy[] = POLICIES) => createLimiter({ store, policies });
  for (let i = 0; i < 10; i++) await limiterOn(from).consume(`client ${i}`, { cost: 2 * i + 1 });
  await limiterOn(from).block("client 3", "1h");
  const to = memoryStore();
  expect(await moveState(from, to)).toEqual({ ...NOTHING, read: 10, written: 10 });
  expect(to.size).toBe(40);
  const third = threeMethodsOf(modelStore());
  expect(await moveState(to, third)).toEqual({ ...NOTHING, read: 40, written: 40 });
  expect(await moveState(to, third)).toEqual({ ...NOTHING, read: 40, alreadyThere: 40 });
  const left = (store: Store) =>
    Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const { policies } = await limiterOn(store).peek(`client ${i}`);
        return policies.map(({ remaining, blocked }) => [remaining, blocked]);
      }),
    );
  expect(await left(to)).toEqual(await left(from));
  expect(await left(third)).toEqual(await left(from));
  await limiterOn(to, [POLICIES[3] as Policy]).consume("client 0", { cost: 5 });
  expect(await moveState(to, from)).toEqual({ ...NOTHING, read: 40, merged: 1, alreadyThere: 39 });
  expect(await left(from)).toEqual(await left(to));
});

const half: Algorithm<Policy, number> = {
  name: "half",
  quota: () => ({ limit: 10, windowMs: 3_600_000 }),
  step(used = 0, _, __, cost) {
    const allowed = used + cost <= 10;
    const now = allowed ? used + cost : used;
    const next = { state: now, ttlMs: 3_600_000 };
    const finding = { allowed, remaining: 10 - now, retryAfterMs: undefined, resetAfterMs: 3_600_000, epochMs: 0 };
    return allowed && cost > 0 ? { ...finding, next } : finding;
  },
};

it("keeps a ledger with a custom algorithm as a ledger, which any store that decides in its database accepts", async () => {
  const policies = [{ name: "own", algorithm: "half" }, POLICIES[3] as Policy];
  const limiterOn = (store: Store) => createLimiter({ store, policies, algorithms: [half] });
  const [from, to] = [modelStore(), modelStore()];
  await limiterOn(from).consume("somebody", { cost: 4 });
  expect(await moveState(from, to)).toEqual({ ...NOTHING, read: 1, written: 1 });
  expect((await limiterOn(to).peek("somebody")).policies.map(({ remaining }) => remaining)).toEqual([6, 16]);
  await limiterOn(from).consume("somebody", { cost: 1 });
  expect(await moveState(from, to)).toEqual({ ...NOTHING, read: 1, merged: 1 });
  expect((await limiterOn(to).peek("somebody")).policies.map(({ remaining }) => remaining)).toEqual([6, 15]);
});

it("moves entries of a custom algorithm from a store in memory to a ledger, and back", async () => {
  const policies = { name: "own", algorithm: "half" };
  const limiterOn = (store: Store) => createLimiter({ store, policies, algorithms: [half] });
  const [memory, model, again] = [memoryStore(), modelStore(), memoryStore()];
  await limiterOn(memory).consume("somebody", { cost: 4 });
  expect(await moveState(memory, model)).toEqual({ ...NOTHING, read: 1, written: 1 });
  expect((await listed(model)).map(({ key }) => key)).toEqual(["sluice:*::somebody"]);
  expect((await limiterOn(model).peek("somebody")).remaining).toBe(6);
  await limiterOn(model).block("nobody", "1h");
  expect(await moveState(model, again)).toEqual({ ...NOTHING, read: 2, written: 2 });
  expect((await limiterOn(again).peek("somebody")).remaining).toBe(6);
  expect((await limiterOn(again).consume("nobody")).allowed).toBe(false);
});

it("merges with the target's own state: the stricter limit, the later block, the older client", async () => {
  const [from, to] = [await filled(), memoryStore()];
  const policies = POLICIES[1] as Policy;
  const [before, after] = [createLimiter({ store: from, policies }), createLimiter({ store: to, policies })];
  await after.consume("client 3", { cost: 1 });
  await after.consume("client 4", { cost: 18 });
  await before.block("client 5", "1h");
  await after.block("client 5", "2h");
  const clients = createRegistry({ store: to });
  await new Promise((resolve) => setTimeout(resolve, 2));
  await clients.ensure("ada", { plan: "free", since: "today" });
  await createBlocklist({ store: to }).block("192.0.2.1", { for: "2h" });
  await createBlocklist({ store: to }).block("11.0.0.0/8", { for: "2h" });
  const summary = await moveState(from, to);
  expect(summary.merged).toBeGreaterThanOrEqual(4);
  expect([(await after.peek("client 3")).remaining, (await after.peek("client 4")).remaining]).toEqual([16, 2]);
  expect((await after.peek("client 5")).retryAfterMs).toBeGreaterThan(3_700_000);
  expect(await createRegistry({ store: to }).get("ada")).toMatchObject({
    registered: true,
    fields: { plan: "paid", since: "today" },
  });
  const blocklist = createBlocklist({ store: to });
  const block = await blocklist.findBlock("192.0.2.1");
  expect(block).toMatchObject({ reason: "abuse" });
  expect((block?.untilMs ?? 0) - Date.now()).toBeGreaterThan(7_000_000);
  expect([await blocklist.findBlock("10.0.0.1"), await blocklist.findBlock("11.0.0.1")]).not.toContain(undefined);
  expect((await moveState(from, to)).merged).toBe(0);
});

/** A copy of the store with a clock that is off. */
function skewed(store: Store & ExportEntries, byMs: number): Store & ExportEntries {
  return {
    ...threeMethodsOf(store),
    atomicUpdate: (key, update, options) =>
      store.atomicUpdate(key, (state, nowMs) => update(state as never, nowMs + byMs), options),
    async *exportEntries() {
      for await (const entry of store.exportEntries()) yield { ...entry, expiresAtMs: entry.expiresAtMs + byMs };
    },
  };
}

it.each([-7_200_000, -50, 0, 50, 7_200_000])("keeps the remaining lifetime if a clock is %i ms off", async (byMs) => {
  const from = memoryStore();
  await from.atomicUpdate("custom", () => ({ state: "state", ttlMs: 3_600_000 }));
  const to = memoryStore();
  expect(await moveState(skewed(from, byMs), to)).toMatchObject({ written: 1, expired: 0 });
  const [entry] = await listed(to);
  const leftMs = (entry?.expiresAtMs ?? 0) - Date.now();
  expect(leftMs).toBeGreaterThan(3_590_000);
  expect(leftMs).toBeLessThan(3_600_100);
  expect(await moveState(from, skewed(to, byMs))).toMatchObject({ alreadyThere: 1, expired: 0 });
});

it("leaves out entries that have expired before their turn, and counts them", async () => {
  const over: ExportedEntry = { key: "a", state: 1, expiresAtMs: Date.now() - 1 };
  expect(await importEntries(memoryStore(), [over])).toEqual({ ...NOTHING, read: 1, expired: 1 });
});

it("does not write entries that expire by the target's clock during the move, and counts them as expired", async () => {
  const model = modelStore();
  let looks = 0;
  const target: Store = {
    ...threeMethodsOf(model),
    // The clock jumps ahead after the move has read it.
    atomicUpdate: (key, update, options) =>
      model.atomicUpdate(key, (state, nowMs) => update(state as never, nowMs + (++looks > 5 ? 120_000 : 0)), options),
  };
  const entry: ExportedEntry = { key: "a", state: 1, expiresAtMs: Date.now() + 60_000 };
  expect(await importEntries(target, [entry])).toEqual({ ...NOTHING, read: 1, expired: 1 });
  expect(await model.atomicUpdate("a", () => undefined)).toBeUndefined();
});

it("refuses a store that cannot list its entries before anything is moved", async () => {
  const plain = threeMethodsOf(memoryStore());
  expect(() => exportEntries(plain)).toThrow(expect.objectContaining({ code: "NOT_LISTABLE" }));
  await expect(moveState(plain, memoryStore())).rejects.toMatchObject({ code: "NOT_LISTABLE" });
  const store = memoryStore();
  await expect(moveState(store, store)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  await expect(moveState(store, memoryStore(), { dryrun: true } as never)).rejects.toThrow(/did you mean "dryRun"/);
});

it("reports its progress after each page, and once for an empty store", async () => {
  const from = memoryStore();
  const limiter = createLimiter({ store: from, policies: POLICIES[0] as Policy });
  const progress: number[] = [];
  const onProgress = ({ read }: MoveSummary): number => progress.push(read);
  await moveState(from, memoryStore(), { onProgress });
  for (let i = 0; i < 1_200; i++) await limiter.consume(`client ${i}`);
  await moveState(from, memoryStore(), { onProgress });
  expect(progress).toEqual([0, 500, 1_000, 1_200]);
});

it("stops between two pages when its signal is aborted, and resumes from there", async () => {
  const from = memoryStore();
  const to = memoryStore();
  const limiter = createLimiter({ store: from, policies: POLICIES[0] as Policy });
  for (let i = 0; i < 1_200; i++) await limiter.consume(`client ${i}`);
  const abort = new AbortController();
  const reason = new Error("enough");
  const moving = moveState(from, to, { signal: abort.signal, onProgress: () => abort.abort(reason) });
  await expect(moving).rejects.toBe(reason);
  expect(to.size).toBe(500);
  expect(await moveState(from, to)).toEqual({ ...NOTHING, read: 1_200, written: 700, alreadyThere: 500 });
});

it("reads at most two pages ahead", async () => {
  let listedSoFar = 0;
  let most = 0;
  let written = 0;
  const source = {
    ...threeMethodsOf(memoryStore()),
    async *exportEntries() {
      for (let i = 0; i < 10_000; i++) {
        listedSoFar++;
        most = Math.max(most, listedSoFar - written);
        yield { key: `key ${i}`, state: 1, expiresAtMs: Date.now() + 60_000 };
      }
    },
  };
  await moveState(source, memoryStore(), {
    onProgress(soFar) {
      written = soFar.written;
    },
  });
  expect(written).toBe(10_000);
  expect(most).toBeLessThanOrEqual(1_001);
});
