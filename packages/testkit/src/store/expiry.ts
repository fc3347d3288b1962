import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { can, type Entry } from "@sluice/core/store";
import { ALGORITHMS, policyOf } from "../policies.js";
import type { SuiteContext } from "./suite-context.js";

const SHORT_MS = 50;
/** A time by which a short window has ended, even with another clock and on a busy machine. */
const SURELY_OVER_MS = 120;
const QUARTER_MS = 7_776_000_000;

/** State lives exactly as long as needed. Only these tests wait for real time. */
export function expiryGroup({ test, testWith, capabilities: { decides } }: SuiteContext): void {
  test("state exists for its lifetime, and no longer", async ({ open, prefix }) => {
    const store = await open();
    const [short, long] = [`${prefix}:short`, `${prefix}:long`];
    await store.atomicUpdate(short, () => ({ state: 1, ttlMs: SHORT_MS }));
    await store.atomicUpdate(long, () => ({ state: 2, ttlMs: QUARTER_MS }));
    await sleep(SURELY_OVER_MS);
    equal(await store.atomicUpdate<number>(short, () => undefined), undefined);
    equal(await store.atomicUpdate<number>(long, () => undefined), 2);
    await store.delete(long);
    equal(await store.atomicUpdate<number>(long, () => undefined), undefined);
  });

  test("state exists until just before its end", async ({ open, prefix }) => {
    const store = await open();
    const ttlMs = 400;
    // If the machine is so busy that the read is late, the try proves nothing.
    for (let tries = 0; tries < 5; tries++) {
      const key = `${prefix}:${tries}`;
      const startMs = performance.now();
      await store.atomicUpdate(key, () => ({ state: 1, ttlMs }));
      await sleep(ttlMs * 0.75);
      const state = await store.atomicUpdate<number>(key, () => undefined);
      if (performance.now() - startMs >= ttlMs) continue;
      equal(state, 1);
      return;
    }
  });

  test("the last write sets the lifetime", async ({ open, prefix }) => {
    const store = await open();
    const [longer, shorter] = [`${prefix}:longer`, `${prefix}:shorter`];
    const write = (key: string, ttlMs: number) => store.atomicUpdate(key, () => ({ state: ttlMs, ttlMs }));
    await Promise.all([write(longer, SHORT_MS), write(shorter, QUARTER_MS)]);
    await Promise.all([write(longer, QUARTER_MS), write(shorter, SHORT_MS)]);
    await sleep(SURELY_OVER_MS);
    equal(await store.atomicUpdate<number>(longer, () => undefined), QUARTER_MS);
    equal(await store.atomicUpdate<number>(shorter, () => undefined), undefined);
  });

  test("reads do not extend the lifetime", async ({ open, prefix }) => {
    const store = await open();
    const key = `${prefix}:read`;
    await store.atomicUpdate(key, () => ({ state: 1, ttlMs: 200 }));
    const endMs = performance.now() + 1_000;
    while ((await store.atomicUpdate<number>(key, () => undefined)) !== undefined) {
      ok(performance.now() < endMs, "state that is constantly read still exists after 1 s");
      await sleep(20);
    }
  });

  test("a window of 50 ms ends, and one of 90 days does not", async ({ open, prefix }) => {
    const store = await open();
    await Promise.all(
      ALGORITHMS.map(async (algorithm) => {
        const policies = [policyOf(algorithm, 2, SHORT_MS, "short"), policyOf(algorithm, 3, QUARTER_MS, "long")];
        const limiter = createLimiter({
          store,
          policies,
          prefix: `${prefix}:${algorithm}`,
          timeout: "20s",
          denyCache: false,
        });
        const key = { short: "somebody", long: "somebody" };
        const first = await limiter.consume(key, { cost: 2 });
        equal(first.allowed, true, algorithm);
        // Twice the window, because a sliding window also keeps the window before it.
        await sleep(2 * SURELY_OVER_MS);
        const second = await limiter.consume(key);
        equal(second.allowed, true, algorithm);
        deepStrictEqual(
          second.policies.map(({ remaining }) => remaining),
          [1, 0],
          algorithm,
        );
        const third = await limiter.consume(key);
        deepStrictEqual(third.violated, ["long"], algorithm);
        ok(Number(third.retryAfterMs) > QUARTER_MS / 4, `${algorithm}: ${third.retryAfterMs}`);
      }),
    );
  });

  for (const algorithm of ALGORITHMS) {
    const policy = policyOf(algorithm, 2, SHORT_MS);
    testWith(
      decides,
      `an entry of decide expires with its window, also after denials, with ${algorithm}`,
      async (tools) => {
        const store = await tools.open();
        if (!can(store, "decide")) throw new TypeError("the store has no decide");
        const claim = { scope: scopeOf(tools.prefix, policy), key: "somebody", policy, cost: 2 };
        const read = () => store.atomicUpdate<Entry>(claim.scope + claim.key, () => undefined);
        const { findings } = await store.decide({ claims: [claim], charge: true });
        const { resetAfterMs = 0 } = findings[0] ?? {};
        await sleep(SHORT_MS / 2);
        await store.decide({ claims: [{ ...claim, cost: 3 }], charge: true });
        await sleep(resetAfterMs - SHORT_MS / 2 + SURELY_OVER_MS - SHORT_MS);
        equal(await read(), undefined);
      },
    );
  }

  test("a block outlasts the window, and ends at its own time", async ({ open, prefix }) => {
    const policies = policyOf("fixed-window", 5, SHORT_MS);
    const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s", denyCache: false });
    await limiter.consume("somebody");
    await limiter.block("somebody", QUARTER_MS);
    await limiter.block("somebody else", SHORT_MS);
    await sleep(SURELY_OVER_MS);
    deepStrictEqual([await limiter.allow("somebody"), await limiter.allow("somebody else")], [false, true]);
  });
}
