import { deepStrictEqual, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { ALGORITHMS, policyOf } from "../policies.js";
import { listEntries } from "./list-entries.js";
import type { SuiteContext } from "./suite-context.js";

const HOUR_MS = 3_600_000;

/** A store that lists entries lists all of them, as `atomicUpdate` would read them. */
export function exportGroup({ testWith, capabilities: { exportsEntries } }: SuiteContext): void {
  testWith(exportsEntries, "lists what atomicUpdate wrote, but not what was deleted", async ({ open, prefix }) => {
    const store = await open();
    const [kept, deleted] = [`${prefix}:kept`, `${prefix}:deleted`];
    await store.atomicUpdate(kept, () => ({ state: { any: ["value", null] }, ttlMs: HOUR_MS }));
    await store.atomicUpdate(deleted, () => ({ state: 1, ttlMs: HOUR_MS }));
    await store.delete(deleted);
    const entries = await listEntries(store, prefix);
    deepStrictEqual(
      entries.map(({ key, state }) => ({ key, state })),
      [{ key: kept, state: { any: ["value", null] } }],
    );
    const livesMs = (entries[0]?.expiresAtMs ?? 0) - Date.now();
    ok(livesMs > HOUR_MS / 2 && livesMs <= HOUR_MS + HOUR_MS / 2, `it lives ${livesMs} ms`);
  });

  testWith(exportsEntries, "lists each of many entries once", async ({ open, prefix }) => {
    const store = await open();
    const keys = Array.from({ length: 1_200 }, (_, i) => `${prefix}:${i}`);
    await Promise.all(keys.map((key) => store.atomicUpdate(key, () => ({ state: key, ttlMs: HOUR_MS }))));
    const entries = await listEntries(store, prefix);
    deepStrictEqual(entries.map(({ key }) => key).sort(), keys.sort());
    ok(entries.every(({ key, state }) => state === key));
  });

  testWith(exportsEntries, "does not list expired entries", async ({ open, prefix }) => {
    const store = await open();
    await store.atomicUpdate(`${prefix}:over`, () => ({ state: 1, ttlMs: 30 }));
    await store.atomicUpdate(`${prefix}:alive`, () => ({ state: 1, ttlMs: HOUR_MS }));
    await sleep(150);
    const entries = await listEntries(store, prefix);
    deepStrictEqual(
      entries.map(({ key }) => key),
      [`${prefix}:alive`],
    );
  });

  for (const algorithm of ALGORITHMS) {
    testWith(exportsEntries, `lists the entries of ${algorithm}`, async ({ open, prefix }) => {
      const store = await open();
      const policy = policyOf(algorithm, 10, HOUR_MS);
      const limiter = createLimiter({ store, policies: policy, prefix, timeout: "20s" });
      await limiter.consume("somebody", { cost: 3 });
      await limiter.block("blocked", "1h");
      const entries = await listEntries(store, prefix);
      const keys = ["blocked", "somebody"].map((key) => scopeOf(prefix, policy) + key);
      deepStrictEqual(entries.map(({ key }) => key).sort(), keys);
      for (const { key, state } of entries) {
        deepStrictEqual(await store.atomicUpdate<unknown>(key, () => undefined), state);
      }
    });
  }
}
