import { equal, rejects } from "node:assert/strict";
import { createLimiter, SluiceError } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { can } from "@sluice/core/store";
import { LONG_MS, policyOf } from "../policies.js";
import type { SuiteContext } from "./suite-context.js";

/** A store can be closed. It then rejects calls. */
export function lifecycleGroup({ test, testWith, capabilities: { decides, shared } }: SuiteContext): void {
  test("a used or unused store may be closed twice", async ({ open, prefix }) => {
    const [used, unused] = [await open(), await open()];
    await used.atomicUpdate(`${prefix}:state`, () => ({ state: 1, ttlMs: 60_000 }));
    for (const store of [used, unused, used, unused]) await store.close();
    await Promise.all([used.close(), used.close()]);
  });

  test("calls after close reject with a SluiceError", async ({ open, prefix }) => {
    const store = await open();
    await store.close();
    await rejects(() => store.atomicUpdate(`${prefix}:state`, () => ({ state: 1, ttlMs: 60_000 })), SluiceError);
    await rejects(() => store.delete(`${prefix}:state`), SluiceError);
  });

  testWith(decides, "decide after close rejects with a SluiceError", async ({ open, prefix }) => {
    const store = await open();
    await store.close();
    const policy = policyOf("fixed-window", 1, LONG_MS);
    const claim = { scope: scopeOf(prefix, policy), key: "somebody", policy, cost: 1 };
    await rejects(async () => {
      if (can(store, "decide")) await store.decide({ claims: [claim], charge: true });
    }, SluiceError);
  });

  testWith(shared, "a closed handle does not affect the state and other handles", async ({ open, prefix }) => {
    const [closing, staying] = [await open(), await open()];
    const policies = policyOf("fixed-window", 10, LONG_MS);
    await createLimiter({ store: closing, policies, prefix }).consume("somebody", { cost: 4 });
    await closing.close();
    const limiter = createLimiter({ store: staying, policies, prefix });
    equal((await limiter.consume("somebody", { cost: 6 })).remaining, 0);
    const later = createLimiter({ store: await open(), policies, prefix });
    equal(await later.allow("somebody"), false);
  });

  test("a limiter on a closed store denies, with the reason", async ({ open, prefix }) => {
    const store = await open();
    const limiter = createLimiter({ store, prefix });
    await store.close();
    const decision = await limiter.consume("somebody");
    equal(decision.source, "failClosed");
    equal(decision.error instanceof SluiceError, true, String(decision.error));
    equal((await limiter.healthCheck()).healthy, false);
  });
}
