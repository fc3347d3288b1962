import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter, SluiceError, type Store } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { can, type ExportedEntry, type ImportEntries } from "@sluice/core/store";
import { modelStore } from "../model.js";
import { ALGORITHMS, LONG_MS, policyOf } from "../policies.js";
import { listEntries } from "./list-entries.js";
import { digestOf, ODD_KEYS } from "./odd-keys.js";
import type { SuiteContext } from "./suite-context.js";

const HOUR_MS = 3_600_000;

/** The lifetime of an entry whose expiry the test waits for. */
const LIFE_MS = 500;

/** A store that imports entries continues where the other store stopped. Live entries do not change. */
export function importGroup({ test, testWith, capabilities }: SuiteContext): void {
  for (const algorithm of ALGORITHMS) {
    test(`continues where another store stopped, with ${algorithm}`, async ({ open, prefix }) => {
      const policies = policyOf(algorithm, 10, LONG_MS);
      const limiterOn = (store: Store) => createLimiter({ store, policies, prefix, timeout: "20s", denyCache: false });
      const model = modelStore();
      const before = limiterOn(model);
      await before.consume("used", { cost: 3 });
      await before.consume("used", { cost: 4 });
      await before.consume("exhausted", { cost: 10 });
      await before.consume("blocked", { cost: 2 });
      await before.block("blocked", "1h");
      await before.block("new and blocked", "1h");
      const entries = await listEntries(model, prefix);
      const store = importing(await open());
      deepStrictEqual(await store.importEntries(entries), []);
      for (const { key, state } of entries) deepStrictEqual(await store.atomicUpdate(key, () => undefined), state);
      const after = limiterOn(store);
      for (const key of ["used", "exhausted", "blocked", "new and blocked", "unknown"]) {
        const [{ allowed, remaining }, expected] = await Promise.all([after.peek(key), before.peek(key)]);
        deepStrictEqual({ key, allowed, remaining }, { key, allowed: expected.allowed, remaining: expected.remaining });
      }
      deepStrictEqual(
        [await after.allow("exhausted"), await after.allow("blocked"), (await after.consume("used")).remaining],
        [false, false, 2],
      );
    });
  }

  test("keeps state of any kind under any key", async ({ open, prefix }) => {
    const store = importing(await open());
    const states = [null, 0, "text", [1, 2, [3]], { any: { thing: ["😀", "\ud800", "\0"] } }];
    const entries = ODD_KEYS.map((key, i) => entryOf(prefix + key, states[i % states.length]));
    deepStrictEqual(await store.importEntries(entries), []);
    for (const { key, state } of entries) deepStrictEqual(await store.atomicUpdate(key, () => undefined), state);
  });

  test("does not change live entries, and reports them", async ({ open, prefix }) => {
    const store = importing(await open());
    const policies = policyOf("fixed-window", 10, LONG_MS);
    const limiter = createLimiter({ store, policies, prefix, timeout: "20s", denyCache: false });
    await limiter.consume("decided", { cost: 4 });
    await store.atomicUpdate(`${prefix}:updated`, () => ({ state: "old", ttlMs: HOUR_MS }));
    const decided = `${scopeOf(prefix, policies)}decided`;
    const entries = [
      entryOf(decided, [1, 0, [Date.now(), 9]]),
      entryOf(`${prefix}:new`, "new"),
      entryOf(`${prefix}:updated`, "new"),
    ];
    deepStrictEqual(await store.importEntries(entries), [entries[0], entries[2]]);
    equal((await limiter.peek("decided")).remaining, 6);
    equal(await store.atomicUpdate(`${prefix}:updated`, () => undefined), "old");
    equal(await store.atomicUpdate(`${prefix}:new`, () => undefined), "new");
    deepStrictEqual(await store.importEntries(entries), entries);
    deepStrictEqual(await store.importEntries([]), []);
  });

  test("uses the first of several entries with the same key", async ({ open, prefix }) => {
    const store = importing(await open());
    const entries = [1, 2, 3].map((state) => entryOf(`${prefix}:one`, state));
    deepStrictEqual(await store.importEntries(entries), entries.slice(1));
    equal(await store.atomicUpdate(`${prefix}:one`, () => undefined), 1);
  });

  test("overwrites expired entries, and does not write expired ones", async ({ open, prefix }) => {
    const store = importing(await open());
    await store.atomicUpdate(`${prefix}:over`, () => ({ state: "old", ttlMs: 30 }));
    await sleep(150);
    const over = { ...entryOf(`${prefix}:never`, "never"), expiresAtMs: Date.now() - HOUR_MS };
    deepStrictEqual(await store.importEntries([entryOf(`${prefix}:over`, "new"), over]), []);
    equal(await store.atomicUpdate(`${prefix}:over`, () => undefined), "new");
    equal(await store.atomicUpdate(`${prefix}:never`, () => undefined), undefined);
  });

  test("keeps an entry until its expiry, and no longer", async ({ open, prefix }) => {
    const store = importing(await open());
    // If the machine is so busy that the read is late, the try proves nothing.
    for (let tries = 0; tries < 5; tries++) {
      const [short, long] = [`${prefix}:short ${tries}`, `${prefix}:long ${tries}`];
      const startMs = performance.now();
      let nowMs = 0;
      await store.atomicUpdate(short, (_, storeNowMs) => {
        nowMs = storeNowMs;
        return undefined;
      });
      const entries = [
        { ...entryOf(short, 1), expiresAtMs: nowMs + LIFE_MS },
        { ...entryOf(long, 1), expiresAtMs: nowMs + 2 * LONG_MS },
      ];
      deepStrictEqual(await store.importEntries(entries), []);
      const read = () => Promise.all([short, long].map((key) => store.atomicUpdate(key, () => undefined)));
      const states = await read();
      if (performance.now() - startMs >= LIFE_MS) continue;
      deepStrictEqual(states, [1, 1]);
      await sleep(LIFE_MS + 100);
      deepStrictEqual(await read(), [undefined, 1]);
      return;
    }
  });

  test("imports digested keys so that the original keys find them, or refuses them", async ({ open, prefix }) => {
    const store = importing(await open());
    const policy = policyOf("token-bucket", 10, LONG_MS);
    const plain = scopeOf(prefix, policy);
    const odd = scopeOf(`#${prefix}`, policy);
    const [long, other, zero] = ["k".repeat(3_000), "k".repeat(3_001), "a\0b"] as const;
    const entries: ExportedEntry[] = [
      { ...entryOf(`${plain}#${digestOf(long)}`, "long"), digested: true },
      { ...entryOf(`${plain}#${digestOf(zero)}`, "zero"), digested: true },
      { ...entryOf(`#${digestOf(`${odd}key`)}`, "odd"), digested: true },
    ];
    const taken = await store.importEntries([entryOf(`${prefix}:plain`, 1), ...entries]).catch((error) => error);
    const refused = taken instanceof SluiceError && taken.code === "DIGESTED_KEY";
    if (!refused) deepStrictEqual(taken, []);
    const keys = [plain + long, plain + zero, `${odd}key`, plain + other, `${prefix}:plain`];
    const read = await Promise.all(keys.map((key) => store.atomicUpdate<unknown>(key, () => undefined)));
    deepStrictEqual(read, refused ? keys.map(() => undefined) : ["long", "zero", "odd", undefined, 1]);
    if (!refused) deepStrictEqual(await store.importEntries(entries), entries);
  });

  test("imports many entries together", async ({ open, prefix }) => {
    const store = importing(await open());
    const scope = scopeOf(prefix, policyOf("fixed-window", 10, LONG_MS));
    const entries = Array.from({ length: 1_000 }, (_, i) => entryOf(`${scope}${i}`, [1, 0, [Date.now(), i]]));
    deepStrictEqual(await store.importEntries(entries), []);
    for (const i of [0, 1, 500, 999]) {
      deepStrictEqual(await store.atomicUpdate(`${scope}${i}`, () => undefined), entries[i]?.state);
    }
    deepStrictEqual(await store.importEntries(entries), entries);
  });

  test("writes each entry once if several handles import it concurrently", async (tools) => {
    const stores = (await tools.openSeveral(4)).map(importing);
    const entries = Array.from({ length: 100 }, (_, i) => entryOf(`${tools.prefix}:${i}`, i));
    const left = await Promise.all(
      stores.map((store, i) => store.importEntries(i % 2 === 0 ? entries : entries.toReversed())),
    );
    const counts = entries.map((entry) => left.filter((entries) => entries.includes(entry)).length);
    deepStrictEqual(
      counts,
      entries.map(() => 3),
    );
  });

  testWith(capabilities.exportsEntries, "imports all that it listed", async ({ open, prefix }) => {
    const store = importing(await open());
    const policies = [policyOf("token-bucket", 1_000, LONG_MS, "one"), policyOf("sliding-log", 1_000, LONG_MS, "two")];
    const limiter = createLimiter({ store, policies, prefix, timeout: "20s", denyCache: false });
    const peek = async () => (await Promise.all(ODD_KEYS.map((key) => limiter.peek(key)))).map((it) => it.remaining);
    await Promise.all(ODD_KEYS.map((key, i) => limiter.consume(key, { cost: i + 1 })));
    const entries = await listEntries(store, prefix);
    equal(entries.length, 2 * ODD_KEYS.length);
    const before = await peek();
    await Promise.all(ODD_KEYS.map((key) => limiter.reset(key)));
    ok((await peek()).every((remaining) => remaining === 1_000));
    deepStrictEqual(await store.importEntries(entries), []);
    deepStrictEqual(await peek(), before);
  });
}

function importing(store: Store): Store & ImportEntries {
  if (!can(store, "importEntries")) throw new TypeError("the store has no importEntries");
  return store;
}

function entryOf(key: string, state: unknown): ExportedEntry {
  return { key, state, expiresAtMs: Date.now() + LONG_MS };
}
