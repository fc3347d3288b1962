import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { createLimiter } from "@sluice/core";
import { ALGORITHMS } from "../awkward-policies.js";
import { manualClock } from "../manual-clock.js";
import { policyOf } from "./policies.js";
import type { SuiteContext } from "./suite-context.js";

const WINDOW_MS = 10_000;
const HOUR_MS = 3_600_000;

/** One clock decides, and when it steps back nothing comes back with it. */
export function clockGroup({ test, testWith, capabilities: { ownClock } }: SuiteContext): void {
  for (const algorithm of ALGORITHMS) {
    test(`a clock that steps back frees nothing of ${algorithm}`, async ({ open, prefix }) => {
      const clock = manualClock(1_700_000_000_000);
      const policies = policyOf(algorithm, 10, WINDOW_MS);
      const limiter = createLimiter({ store: await open(), policies, prefix, clock, timeout: "20s" });
      await limiter.consume("spent", { cost: 10 });
      await limiter.consume("half spent", { cost: 5 });
      let regained = 0;
      for (const backMs of [1, WINDOW_MS / 2, WINDOW_MS, 3 * WINDOW_MS, 100 * WINDOW_MS]) {
        await clock.advance(-backMs);
        const spent = await limiter.consume("spent");
        deepStrictEqual([spent.allowed, spent.remaining], [false, 0], `${backMs} ms back`);
        ok(Number(spent.retryAfterMs) >= 1, `${backMs} ms back: retryAfterMs ${spent.retryAfterMs}`);
        for (let i = 0; i < 10; i++) if (await limiter.allow("half spent")) regained++;
        await clock.advance(backMs);
      }
      ok(regained <= 5, `5 units were left, and ${regained} were granted`);
      await clock.advance(2 * WINDOW_MS);
      equal((await limiter.consume("spent", { cost: 10 })).allowed, true);
      equal((await limiter.consume("half spent", { cost: 10 })).allowed, true);
    });
  }

  testWith(ownClock, "the clock of the process that asks does not matter", async ({ open, prefix }) => {
    const policies = ALGORITHMS.map((algorithm) => policyOf(algorithm, 5, HOUR_MS, algorithm));
    const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s" });
    equal((await limiter.consume("somebody", { cost: 5 })).allowed, true);
    for (const skewMs of [30 * HOUR_MS, -30 * HOUR_MS]) {
      const decision = await withSkewedClock(skewMs, () => limiter.consume("somebody"));
      equal(decision.source, "store", String(decision.error));
      deepStrictEqual(decision.violated, ALGORITHMS);
      ok(Number(decision.retryAfterMs) <= 2 * HOUR_MS, `retryAfterMs is ${decision.retryAfterMs}`);
    }
  });
}

async function withSkewedClock<T>(skewMs: number, body: () => Promise<T>): Promise<T> {
  const now = Date.now;
  Date.now = () => now() + skewMs;
  try {
    return await body();
  } finally {
    Date.now = now;
  }
}
