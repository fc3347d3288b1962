import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import { createLimiter, SluiceError } from "@sluice/core";
import { can } from "@sluice/core/store";
import { ALGORITHMS, LONG_MS, policyOf } from "../policies.js";
import { isAbsent } from "./capabilities.js";
import type { SuiteContext } from "./suite-context.js";

const JSON_VALUES: readonly unknown[] = [
  null,
  false,
  true,
  0,
  -1.5,
  0.1 + 0.2,
  5e-324,
  1.7976931348623157e308,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  "",
  "text with \0, \r\n, \", ', \\, {}, %, \u2028 and 😀",
  "\ud800 is half a character",
  "x".repeat(100_000),
  [],
  {},
  [[], [null, [1, "2", { three: [3] }]]],
  { b: 1, a: { "": 2, "a.b": [], constructor: null } },
];

/** Tests the behaviour of stores with any capabilities. */
export function basicsGroup({ test, testWith, capabilities }: SuiteContext): void {
  test("has the methods that its capabilities name, and no others", async ({ open }) => {
    const store = await open();
    equal(can(store, "decide"), !isAbsent(capabilities.decides), "decide");
    equal("exportEntries" in store, !isAbsent(capabilities.exportsEntries), "exportEntries");
    equal("importEntries" in store, !isAbsent(capabilities.importsEntries), "importEntries");
    equal(can(store, "healthCheck"), !isAbsent(capabilities.checksHealth), "healthCheck");
    if (can(store, "decide")) for (const name of ALGORITHMS) ok(store.algorithms?.has(name) ?? true, name);
  });

  test("atomicUpdate writes, reads and resolves to the state after the call", async ({ open, prefix }) => {
    const store = await open();
    const key = `${prefix}:state`;
    const seen: unknown[] = [];
    const step = (to: unknown) =>
      store.atomicUpdate<unknown>(key, (state) => {
        seen.push(state);
        return to === undefined ? undefined : { state: to, ttlMs: 60_000 };
      });
    equal(await step(undefined), undefined);
    deepStrictEqual(await step(["first"]), ["first"]);
    deepStrictEqual(await step({ second: 2 }), { second: 2 });
    deepStrictEqual(await step(undefined), { second: 2 });
    deepStrictEqual(await step(undefined), { second: 2 });
    deepStrictEqual(seen, [undefined, undefined, ["first"], { second: 2 }, { second: 2 }]);
  });

  test("atomicUpdate keeps every JSON value unchanged", async ({ open, prefix }) => {
    const store = await open();
    await Promise.all(
      JSON_VALUES.map(async (value, i) => {
        const key = `${prefix}:${i}`;
        deepStrictEqual(await store.atomicUpdate(key, () => ({ state: value, ttlMs: 60_000 })), value);
        deepStrictEqual(await store.atomicUpdate<unknown>(key, () => undefined), value);
      }),
    );
  });

  test("atomicUpdate passes on errors of update, and then writes nothing", async ({ open, prefix }) => {
    const store = await open();
    const key = `${prefix}:state`;
    await store.atomicUpdate(key, () => ({ state: 1, ttlMs: 60_000 }));
    const thrown = new SluiceError("STORE_STATE_UNREADABLE", "thrown by update");
    const failing = () =>
      store.atomicUpdate(key, () => {
        throw thrown;
      });
    await rejects(failing, thrown);
    equal(await store.atomicUpdate<number>(key, () => undefined), 1);
  });

  test("keys do not share state", async ({ open, prefix }) => {
    const store = await open();
    const keys = Array.from({ length: 50 }, (_, i) => `${prefix}:${i}`);
    await Promise.all(keys.map((key, i) => store.atomicUpdate(key, () => ({ state: i, ttlMs: 60_000 }))));
    const read = await Promise.all(keys.map((key) => store.atomicUpdate<number>(key, () => undefined)));
    deepStrictEqual(
      read,
      keys.map((_, i) => i),
    );
  });

  test("delete removes state, and may be called for a missing key", async ({ open, prefix }) => {
    const store = await open();
    const [key, other] = [`${prefix}:state`, `${prefix}:other`];
    await store.delete(key);
    await store.atomicUpdate(key, () => ({ state: 1, ttlMs: 60_000 }));
    await store.atomicUpdate(other, () => ({ state: 2, ttlMs: 60_000 }));
    await store.delete(key);
    equal(await store.atomicUpdate<number>(key, () => undefined), undefined);
    equal(await store.atomicUpdate<number>(other, () => undefined), 2);
  });

  for (const algorithm of ALGORITHMS) {
    test(`limits with ${algorithm}`, async ({ open, prefix }) => {
      const policies = policyOf(algorithm, 10, LONG_MS);
      const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s", denyCache: false });
      const first = await limiter.consume("somebody", { cost: 4 });
      deepStrictEqual([first.allowed, first.remaining, first.limit, first.source], [true, 6, 10, "store"]);
      equal((await limiter.peek("somebody", { cost: 6 })).remaining, 6);
      const tooMuch = await limiter.consume("somebody", { cost: 7 });
      deepStrictEqual([tooMuch.allowed, tooMuch.remaining], [false, 6]);
      ok(Number(tooMuch.retryAfterMs) > 0, `retryAfterMs is ${tooMuch.retryAfterMs}`);
      const never = await limiter.consume("somebody", { cost: 11 });
      deepStrictEqual([never.allowed, never.retryAfterMs], [false, undefined]);
      equal((await limiter.consume("somebody", { cost: 6 })).remaining, 0);
      equal(await limiter.allow("somebody"), false);
      equal(await limiter.allow("somebody else"), true);
    });
  }

  testWith(capabilities.checksHealth, "is healthy", async ({ open }) => {
    const health = await createLimiter({ store: await open() }).healthCheck();
    equal(health.healthy, true, String(health.error));
  });
}
