import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { createLimiter, type Limiter, type Policy, tokenBucket } from "@sluice/core";
import { type ManualClock, manualClock } from "../manual-clock.js";
import { ALGORITHMS, policyOf } from "../policies.js";
import type { SuiteContext, TestTools } from "./suite-context.js";

const WINDOW_MS = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = 1_700_000_000_000;

/** Steps of the clock. The last one is longer than any window. */
const STEPS_MS = [1, 2 * WINDOW_MS, HOUR_MS, 30 * DAY_MS, 3_650 * DAY_MS];

/** The numbers of a policy before and after a change. */
const CHANGES: readonly (readonly [name: string, before: Policy, after: Policy])[] = [
  ["a bucket's rate goes up", tokenBucket({ rate: 10, interval: "1h" }), tokenBucket({ rate: 10, interval: "1s" })],
  ["a bucket's rate goes down", tokenBucket({ rate: 100 }), tokenBucket({ rate: 100, interval: "1d" })],
  ["a bucket's burst shrinks", tokenBucket({ rate: 1, burst: 10 }), tokenBucket({ rate: 1, burst: 5 })],
  [
    "a bucket's numbers share no factor",
    tokenBucket({ rate: 7, interval: 997 }),
    tokenBucket({ rate: 3, interval: 333 }),
  ],
  ...ALGORITHMS.flatMap((algorithm) =>
    [
      [20, WINDOW_MS],
      [10, 2 * WINDOW_MS],
      [5, WINDOW_MS / 2],
    ].map(([limit = 0, windowMs = 0]) => {
      const name = `${algorithm} of 10 in ${WINDOW_MS} ms becomes one of ${limit} in ${windowMs} ms`;
      return [name, policyOf(algorithm, 10, WINDOW_MS), policyOf(algorithm, limit, windowMs)] as const;
    }),
  ),
];

/** Only one clock decides, and no quota is restored if it steps back. */
export function clockGroup({ test, testWith, capabilities: { ownClock } }: SuiteContext): void {
  for (const algorithm of ALGORITHMS) {
    test(`a clock that steps back restores no quota of ${algorithm}`, async ({ open, prefix }) => {
      const clock = manualClock(1_700_000_000_000);
      const policies = policyOf(algorithm, 10, WINDOW_MS);
      const limiter = createLimiter({ store: await open(), policies, prefix, clock, timeout: "20s", denyCache: false });
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

  for (const algorithm of ALGORITHMS) {
    // A sliding window also remembers the window before it.
    const mostMs = (algorithm === "sliding-window" ? 2 : 1) * WINDOW_MS;

    test(`a clock that steps back denies for at most ${mostMs} ms, with ${algorithm}`, async (tools) => {
      const store = await tools.open();
      for (const backMs of STEPS_MS) {
        const { limiter, clock } = openAt(tools, store, policyOf(algorithm, 10, WINDOW_MS), `${backMs}`);
        await limiter.consume("spent", { cost: 10 });
        await limiter.consume("half spent", { cost: 5 });
        await clock.advance(-backMs);
        const left = (await limiter.peek("half spent")).remaining;
        ok(left <= 5, `${backMs} ms back: ${left} left of 5`);
        const retryAfterMs = await retryTimeOf(limiter, `${backMs} ms back`);
        ok(retryAfterMs <= mostMs, `${backMs} ms back: retryAfterMs is ${retryAfterMs}`);
        await mustBeHonest(limiter, clock, retryAfterMs, `${backMs} ms back`);
      }
    });

    test(`a clock that steps back does not extend a block, with ${algorithm}`, async (tools) => {
      const store = await tools.open();
      for (const backMs of STEPS_MS) {
        const { limiter, clock } = openAt(tools, store, policyOf(algorithm, 10, WINDOW_MS), `${backMs}`);
        await limiter.consume("spent", { cost: 2 });
        await limiter.block("spent", "1s");
        await clock.advance(-backMs);
        equal(await retryTimeOf(limiter, `${backMs} ms back`), 1_000, `${backMs} ms back`);
        await clock.advance(999);
        equal(await limiter.allow("spent"), false, `${backMs} ms back, 999 ms later`);
        await clock.advance(1);
        equal((await limiter.peek("spent")).policies[0]?.blocked, false, `${backMs} ms back, a second later`);
      }
    });
  }

  for (const [name, before, after] of CHANGES) {
    test(`retryAfterMs is exact if ${name}`, async (tools) => {
      const store = await tools.open();
      for (const waitedMs of [0, 1, 777]) {
        const { limiter: old, clock } = openAt(tools, store, before, `${waitedMs}`);
        const { limiter } = openAt(tools, store, after, `${waitedMs}`, clock);
        const { remaining } = await old.peek("spent");
        await old.consume("spent", { cost: remaining });
        await clock.advance(waitedMs);
        const { allowed, retryAfterMs = 0 } = await limiter.consume("spent");
        if (!allowed) await mustBeHonest(limiter, clock, retryAfterMs, `${waitedMs} ms later`);
      }
    });
  }

  testWith(ownClock, "the clock of the calling process has no effect", async ({ open, prefix }) => {
    const policies = ALGORITHMS.map((algorithm) => policyOf(algorithm, 5, HOUR_MS, algorithm));
    const limiter = createLimiter({ store: await open(), policies, prefix, timeout: "20s", denyCache: false });
    equal((await limiter.consume("somebody", { cost: 5 })).allowed, true);
    for (const skewMs of [30 * HOUR_MS, -30 * HOUR_MS]) {
      const decision = await withSkewedClock(skewMs, () => limiter.consume("somebody"));
      equal(decision.source, "store", String(decision.error));
      deepStrictEqual(decision.violated, ALGORITHMS);
      ok(Number(decision.retryAfterMs) <= 2 * HOUR_MS, `retryAfterMs is ${decision.retryAfterMs}`);
    }
  });
}

function openAt(
  { prefix }: TestTools,
  store: Parameters<typeof createLimiter>[0]["store"],
  policies: Policy,
  name: string,
  clock: ManualClock = manualClock(START_MS),
): { limiter: Limiter; clock: ManualClock } {
  return {
    limiter: createLimiter({ store, policies, prefix: `${prefix}:${name}`, clock, timeout: "20s", denyCache: false }),
    clock,
  };
}

/** The time after which a denied key is allowed again. */
async function retryTimeOf(limiter: Limiter, when: string): Promise<number> {
  const { allowed, remaining, retryAfterMs, error } = await limiter.consume("spent");
  if (error !== undefined) throw error;
  deepStrictEqual([allowed, remaining], [false, 0], when);
  return retryAfterMs ?? Number.NaN;
}

/** Checks that the key is denied until a millisecond before the reported time, and then granted. */
async function mustBeHonest(limiter: Limiter, clock: ManualClock, retryAfterMs: number, when: string): Promise<void> {
  const halfMs = Math.floor(retryAfterMs / 2);
  for (const [afterMs, leftMs] of [
    [halfMs, retryAfterMs - halfMs],
    [retryAfterMs - 1 - halfMs, 1],
  ] as const) {
    await clock.advance(afterMs);
    const { allowed, retryAfterMs: still } = await limiter.consume("spent");
    deepStrictEqual([allowed, still], [false, leftMs], `${when}, ${leftMs} ms before its time`);
  }
  await clock.advance(1);
  equal(await limiter.allow("spent"), true, `${when}, at its time`);
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
