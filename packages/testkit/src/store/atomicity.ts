import { deepStrictEqual, equal } from "node:assert/strict";
import { createLimiter, type Policy, SluiceError, type Store } from "@sluice/core";
import { ALGORITHMS, LONG_MS, policyOf } from "../policies.js";
import type { SuiteContext } from "./suite-context.js";

const HANDLES = 4;

/** With many concurrent callers, exactly the limit is admitted. */
export function atomicityGroup({ test }: SuiteContext): void {
  for (const algorithm of ALGORITHMS) {
    test(`200 concurrent callers share 50 units of ${algorithm}`, async ({ openSeveral, prefix }) => {
      const stores = await openSeveral(HANDLES);
      const allowed = await race(stores, prefix, [policyOf(algorithm, 50, LONG_MS)], 200);
      equal(allowed, 50);
    });
  }

  test("if one of several policies denies, none is charged", async ({ openSeveral, prefix }) => {
    const stores = await openSeveral(HANDLES);
    const policies = ALGORITHMS.map((algorithm, i) => policyOf(algorithm, 30 + 10 * i, LONG_MS, algorithm));
    equal(await race(stores, prefix, policies, 200), 30);
    const limiter = createLimiter({ store: stores[0] as Store, policies, prefix });
    const left = (await limiter.peek("shared")).policies.map(({ remaining }) => remaining);
    deepStrictEqual(left, [0, 10, 20, 30]);
  });

  test("several policies with different keys never grant more than their limits", async ({ openSeveral, prefix }) => {
    const stores = await openSeveral(HANDLES);
    const policies = [policyOf("token-bucket", 3, LONG_MS, "user"), policyOf("fixed-window", 20, LONG_MS, "everyone")];
    const limiters = stores.map((store) =>
      createLimiter({ store, policies, prefix, timeout: "20s", denyCache: false }),
    );
    const users = Array.from({ length: 10 }, (_, i) => `user-${i}`);
    const decisions = await Promise.all(
      users.flatMap((user) => limiters.map((limiter) => limiter.consume({ user, everyone: "all" }))),
    );
    const granted = decisions.filter(({ allowed }) => allowed).length;
    const [limiter] = limiters as [(typeof limiters)[number]];
    const left = (await limiter.peek({ user: "nobody", everyone: "all" })).policies[1]?.remaining;
    // If the keys cannot be decided in one step, fewer may be granted, but grants and charges must still be equal.
    equal(left, 20 - granted);
    equal(granted <= 20 && granted > 0, true, `${granted} granted`);
  });

  test("no update of atomicUpdate is lost", async ({ openSeveral, prefix }) => {
    const stores = await openSeveral(HANDLES);
    const key = `${prefix}:counter`;
    const increments = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) =>
        (stores[i % HANDLES] as Store).atomicUpdate<number>(key, (count = 0) => ({ state: count + 1, ttlMs: 60_000 })),
      ),
    );
    // A store may give up on a contended key. It must then have written nothing.
    const done = increments.filter((one) => one.status === "fulfilled" || !isContention(one.reason)).length;
    equal(await (stores[0] as Store).atomicUpdate<number>(key, () => undefined), done);
    equal(done > 0, true);
  });
}

/** Returns how many of the callers, spread over the handles, are admitted. */
async function race(stores: readonly Store[], prefix: string, policies: Policy[], callers: number): Promise<number> {
  const limiters = stores.map((store) => createLimiter({ store, policies, prefix, timeout: "20s", denyCache: false }));
  const decisions = await Promise.all(
    Array.from({ length: callers }, (_, i) =>
      (limiters[i % limiters.length] as (typeof limiters)[number]).consume("shared"),
    ),
  );
  for (const { error } of decisions) if (error !== undefined) throw error;
  return decisions.filter(({ allowed }) => allowed).length;
}

function isContention(error: unknown): boolean {
  return error instanceof SluiceError && error.code === "STORE_CONTENDED";
}
