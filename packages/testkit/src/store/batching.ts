import { deepStrictEqual, equal } from "node:assert/strict";
import { createLimiter, type Limiter } from "@sluice/core";
import { ALGORITHMS, LONG_MS, policyOf } from "../policies.js";
import type { SuiteContext } from "./suite-context.js";

/** Each of several concurrent calls gets its own answer, however the store sends them. */
export function batchingGroup({ test }: SuiteContext): void {
  test("600 calls of one turn, with all kinds of keys, policies and limiters, get their own answers", async ({
    open,
    prefix,
  }) => {
    const store = await open();
    const limiters = [...ALGORITHMS.map((one) => [one]), ALGORITHMS].map((algorithms) =>
      createLimiter({
        store,
        policies: algorithms.map((algorithm) => policyOf(algorithm, 1_000, LONG_MS, algorithm)),
        prefix: `${prefix}:${algorithms.length}`,
        timeout: "20s",
      }),
    );
    const calls = Array.from({ length: 600 }, (_, i) => ({
      limiter: limiters[i % limiters.length] as Limiter,
      key: `key-${i}`,
      cost: (i % 999) + 1,
    }));
    const decisions = await Promise.all(calls.map(({ limiter, key, cost }) => limiter.consume(key, { cost })));
    decisions.forEach((decision, i) => {
      const { limiter, cost } = calls[i] as (typeof calls)[number];
      equal(decision.source, "store", String(decision.error));
      equal(decision.cost, cost);
      deepStrictEqual(
        decision.policies.map(({ policy, remaining }) => [policy.name, remaining]),
        limiter.policies.map(({ name }) => [name, 1_000 - cost]),
      );
    });
  });

  for (const algorithm of ALGORITHMS) {
    test(`calls of one turn on one key share its limit exactly, with ${algorithm}`, async ({ open, prefix }) => {
      const policies = policyOf(algorithm, 7, LONG_MS);
      const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s" });
      const [hot, cold] = await Promise.all([
        Promise.all(Array.from({ length: 20 }, () => limiter.consume("hot"))),
        Promise.all(Array.from({ length: 20 }, (_, i) => limiter.consume(`cold-${i}`))),
      ]);
      for (const { error } of [...hot, ...cold]) if (error !== undefined) throw error;
      deepStrictEqual(
        hot
          .filter(({ allowed }) => allowed)
          .map(({ remaining }) => remaining)
          .sort(),
        [0, 1, 2, 3, 4, 5, 6],
      );
      deepStrictEqual(
        cold.map(({ allowed, remaining }) => [allowed, remaining]),
        cold.map(() => [true, 6]),
      );
    });
  }

  test("peeks, refunds, resets and decisions of one turn do not interfere", async ({ open, prefix }) => {
    const policies = ALGORITHMS.map((algorithm) => policyOf(algorithm, 10, LONG_MS, algorithm));
    const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s" });
    const refundable = await limiter.consume("refunded", { cost: 4 });
    await limiter.consume("reset", { cost: 10 });
    const [, peeked, denied, refunded] = await Promise.all([
      limiter.reset("reset"),
      limiter.peek("looked at"),
      limiter.consume("denied", { cost: 11 }),
      limiter.refund(refundable),
      limiter.block("blocked", "1h"),
      limiter.consume("charged", { cost: 3 }),
    ]);
    deepStrictEqual([peeked.allowed, denied.allowed, refunded], [true, false, true]);
    const keys = ["reset", "looked at", "denied", "refunded", "blocked", "charged"];
    const left = await Promise.all(keys.map((key) => limiter.peek(key)));
    deepStrictEqual(
      left.map(({ policies: found }) => found.map(({ remaining }) => remaining)),
      [
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [0, 0, 0, 0],
        [7, 7, 7, 7],
      ],
    );
  });
}
