import { deepStrictEqual, equal } from "node:assert/strict";
import { createLimiter, type Limiter, type Policy } from "@sluice/core";
import { type ManualClock, manualClock } from "../manual-clock.js";
import { ALGORITHMS, policyOf } from "../policies.js";
import type { SuiteContext, TestTools } from "./suite-context.js";

const WINDOW_MS = 10_000;

/** Refunds, resets and blocks of a limiter. */
export function refundsGroup({ test }: SuiteContext): void {
  for (const algorithm of ALGORITHMS) {
    const policy = policyOf(algorithm, 10, WINDOW_MS);

    test(`a refund restores a charge only once, with ${algorithm}`, async (tools) => {
      const { limiter, left } = await openAt(tools, policy);
      await limiter.consume("somebody", { cost: 2 });
      const decision = await limiter.consume("somebody", { cost: 5 });
      equal(await left(), 3);
      equal(await limiter.refund(decision), true);
      equal(await left(), 8);
      equal(await limiter.refund(decision), false);
      equal(await left(), 8);
    });

    test(`a refund of everything leaves no usage with ${algorithm}`, async (tools) => {
      const { limiter, clock, left } = await openAt(tools, policy);
      equal(await limiter.refund(await limiter.consume("somebody", { cost: 7 })), true);
      equal(await left(), 10);
      await clock.advance(1_234);
      const { resetAfterMs } = await limiter.consume("somebody", { cost: 10 });
      // The result is the same as for an unused key.
      equal(resetAfterMs, (await limiter.consume("somebody else", { cost: 10 })).resetAfterMs);
    });

    test(`a denial, a peek and an ended charge cannot be refunded, with ${algorithm}`, async (tools) => {
      const { limiter, clock, left } = await openAt(tools, policy);
      const granted = await limiter.consume("somebody", { cost: 10 });
      equal(await limiter.refund(await limiter.consume("somebody")), false);
      equal(await limiter.refund(await limiter.peek("somebody else")), false);
      equal(await left(), 0);
      await clock.advance(2 * WINDOW_MS);
      equal(await limiter.refund(granted), false);
      await limiter.consume("somebody", { cost: 4 });
      equal(await limiter.refund(granted), false);
      equal(await left(), 6);
    });
  }

  test("a refund does not include the part that time has refilled", async (tools) => {
    const { limiter, clock, left } = await openAt(tools, policyOf("token-bucket", 10, WINDOW_MS));
    const first = await limiter.consume("somebody", { cost: 10 });
    await clock.advance(9_000);
    const second = await limiter.consume("somebody", { cost: 9 });
    equal(await limiter.refund(first), true);
    equal(await left(), 1);
    await clock.advance(4_000);
    equal(await limiter.refund(second), true);
    equal(await left(), 10);
    const third = await limiter.consume("somebody", { cost: 2 });
    await clock.advance(1_000);
    await limiter.consume("somebody", { cost: 9 });
    await clock.advance(1_000);
    equal(await limiter.refund(third), false, "time has restored all units");
    equal(await left(), 1);
  });

  for (const algorithm of ALGORITHMS) {
    test(`a refund after a reset in the same millisecond refunds nothing with ${algorithm}`, async (tools) => {
      const { limiter, clock, left } = await openAt(tools, policyOf(algorithm, 10, WINDOW_MS));
      for (let i = 0; i < 3; i++) {
        const before = await limiter.consume("somebody", { cost: 9 });
        await limiter.reset("somebody");
        equal(await limiter.refund(before), false);
        const after = await limiter.consume("somebody", { cost: 10 });
        deepStrictEqual([after.allowed, after.resetAfterMs], [true, before.resetAfterMs + resetMs(algorithm)]);
        equal(await limiter.allow("somebody"), false);
        equal(await limiter.refund(before), false);
        equal(await left(), 0);
        equal(await limiter.refund(after), true);
        equal(await left(), 10);
      }
      await clock.advance(1);
      equal(await limiter.allow("somebody", { cost: 10 }), true);
    });
  }

  test("a block of a plain key denies for all policies, and is never shortened", async (tools) => {
    const policies = ALGORITHMS.map((algorithm) => policyOf(algorithm, 10, WINDOW_MS, algorithm));
    const { limiter, clock } = await openAt(tools, policies);
    const blocked = async () => (await limiter.peek("somebody")).policies.map((policy) => policy.blocked);
    await limiter.block("somebody", "1h");
    await limiter.block("somebody", "1s");
    deepStrictEqual(await blocked(), [true, true, true, true]);
    await clock.advance(3_599_999);
    deepStrictEqual(await blocked(), [true, true, true, true]);
    await limiter.block("somebody", "1s");
    await clock.advance(999);
    deepStrictEqual(await blocked(), [true, true, true, true]);
    await clock.advance(1);
    deepStrictEqual(await blocked(), [false, false, false, false]);
  });

  test("a refund with several policies restores all of them", async (tools) => {
    const policies = ALGORITHMS.map((algorithm, i) => policyOf(algorithm, 10 + i, WINDOW_MS, algorithm));
    const { limiter } = await openAt(tools, policies);
    const remaining = async () => (await limiter.peek("somebody")).policies.map((policy) => policy.remaining);
    await limiter.consume("somebody", { cost: 3 });
    const decision = await limiter.consume("somebody", { cost: 4 });
    deepStrictEqual(await remaining(), [3, 4, 5, 6]);
    equal(await limiter.refund(decision), true);
    deepStrictEqual(await remaining(), [7, 8, 9, 10]);
  });

  test("a reset removes usage and blocks", async (tools) => {
    const policies = ALGORITHMS.map((algorithm) => policyOf(algorithm, 10, WINDOW_MS, algorithm));
    const { limiter, clock } = await openAt(tools, policies);
    await limiter.reset("never seen");
    // Resets in the millisecond of the charge, and later.
    for (const laterMs of [0, 7]) {
      await limiter.consume("somebody", { cost: 10 });
      await limiter.consume("somebody else", { cost: 10 });
      await limiter.block("somebody", "1d");
      await clock.advance(laterMs);
      await limiter.reset("somebody");
      const decision = await limiter.consume("somebody");
      deepStrictEqual(
        decision.policies.map(({ remaining, blocked }) => [remaining, blocked]),
        ALGORITHMS.map(() => [9, false]),
      );
      equal(await limiter.allow("somebody else"), false);
      await limiter.reset("somebody");
    }
  });

  test("a reset of one policy does not change the others", async (tools) => {
    const policies = ALGORITHMS.map((algorithm) => policyOf(algorithm, 10, WINDOW_MS, algorithm));
    const { limiter } = await openAt(tools, policies);
    await limiter.consume("somebody", { cost: 4 });
    await limiter.reset({ "sliding-window": "somebody" });
    deepStrictEqual(
      (await limiter.peek("somebody")).policies.map(({ remaining }) => remaining),
      [6, 6, 10, 6],
    );
  });

  for (const algorithm of ALGORITHMS) {
    test(`a block denies until it ends, and keeps the usage, with ${algorithm}`, async (tools) => {
      const { limiter, clock, left } = await openAt(tools, policyOf(algorithm, 10, WINDOW_MS));
      await limiter.consume("somebody", { cost: 4 });
      await limiter.block("somebody", 500);
      await limiter.block("never seen", 500);
      for (const key of ["somebody", "never seen"]) {
        const { allowed, remaining, retryAfterMs, policies } = await limiter.consume(key);
        deepStrictEqual([allowed, remaining, retryAfterMs, policies[0]?.blocked], [false, 0, 500, true], key);
      }
      await clock.advance(499);
      equal(await limiter.allow("somebody"), false);
      await clock.advance(1);
      equal(await left(), 6);
      equal(await limiter.allow("never seen"), true);
    });
  }
}

/**
 * The time after which the limit is restored: for a bucket, the time to refill the units, and for a window, its end.
 */
function resetMs(algorithm: string): number {
  return algorithm === "token-bucket" ? WINDOW_MS / 10 : 0;
}

async function openAt(
  { open, prefix }: TestTools,
  policies: Policy | readonly Policy[],
): Promise<{ limiter: Limiter; clock: ManualClock; left(): Promise<number> }> {
  const clock = manualClock(1_700_000_000_000);
  const limiter = createLimiter({ store: await open(), policies, prefix, clock, timeout: "20s", denyCache: false });
  return { limiter, clock, left: async () => (await limiter.peek("somebody")).remaining };
}
