import { memoryStore } from "@sluice/store-memory";
import { type ManualClock, manualClock, modelStore, threeMethodsOf } from "@sluice/testkit";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  type AutoBlockEvent,
  createLimiter,
  type Decision,
  type EscalatingBlockOptions,
  escalatingBlock,
  fixedWindow,
  type Limiter,
  type Store,
} from "../../src/index.js";
import type { DecidingStore } from "../../src/store/index.js";

const POLICY = fixedWindow({ limit: 1, window: 1_000 });
const STRICT: EscalatingBlockOptions = {
  after: 3,
  within: "10s",
  duration: "1m",
  maxDuration: "4m",
  forgetAfter: "1h",
};

let clock: ManualClock;
beforeEach(() => {
  clock = manualClock();
});

function limiterOn(store: Store, options: Partial<EscalatingBlockOptions> = {}): Limiter {
  return createLimiter({ store, policies: POLICY, clock, autoBlock: escalatingBlock({ ...STRICT, ...options }) });
}

const blocked = (decision: Decision): boolean => decision.policies.some((policy) => policy.blocked);

/** Sends requests until the key is blocked. Resolves to the number of denials, and the length of the block. */
async function provoke(limiter: Limiter, key = "ann"): Promise<[denials: number, blockedForMs: number | undefined]> {
  for (let denials = 0; denials < 100; ) {
    const decision = await limiter.consume(key);
    if (!decision.allowed) denials++;
    if (blocked(decision)) return [denials, decision.retryAfterMs];
  }
  throw new Error("it was never blocked");
}

describe.each([
  ["a store that decides", () => modelStore()],
  ["the store in memory", () => memoryStore()],
  ["a store with three methods", () => threeMethodsOf(modelStore())],
])("on %s", (_name, makeStore) => {
  it("blocks after n violations, each time twice as long, up to the maximum", async () => {
    const limiter = limiterOn(makeStore());
    for (const expectedMs of [60_000, 120_000, 240_000, 240_000]) {
      expect(await provoke(limiter)).toEqual([3, expectedMs]);
      await clock.advance(expectedMs - 1);
      expect(blocked(await limiter.consume("ann"))).toBe(true);
      await clock.advance(1);
      expect((await limiter.consume("ann")).allowed).toBe(true);
    }
  });

  it("starts again with the shortest block if the last block is long over", async () => {
    const limiter = limiterOn(makeStore());
    expect(await provoke(limiter)).toEqual([3, 60_000]);
    await clock.advance(60_000 + 3_600_000 - 1);
    expect(await provoke(limiter)).toEqual([3, 120_000]);
    await clock.advance(120_000 + 3_600_000);
    expect(await provoke(limiter)).toEqual([3, 60_000]);
  });

  it.each([3_600_000, 31_536_000_000])("does not extend a block when the clock steps back by %i ms", async (backMs) => {
    clock = manualClock(1_700_000_000_000);
    const limiter = limiterOn(makeStore());
    expect(await provoke(limiter)).toEqual([3, 60_000]);
    await clock.advance(-backMs);
    expect((await limiter.consume("ann")).retryAfterMs).toBe(60_000);
    await clock.advance(60_000);
    expect((await limiter.consume("ann")).allowed).toBe(true);
    // The old record still counts by its own time. So the next block is on level 1 or 2, and the one after it on level
    // 2.
    const [, blockedForMs] = await provoke(limiter);
    expect(blockedForMs).toBeLessThanOrEqual(120_000);
    await clock.advance(blockedForMs ?? 0);
    expect((await provoke(limiter))[1]).toBe(120_000);
  });

  it("blocks a plain key for all policies, and does not shorten a longer block", async () => {
    const policies = [POLICY, fixedWindow({ name: "daily", limit: 100, window: "1d" })];
    const limiter = createLimiter({ store: makeStore(), policies, clock, autoBlock: escalatingBlock(STRICT) });
    await provoke(limiter);
    const blockedNow = async () => (await limiter.peek("ann")).policies.map((policy) => policy.blocked);
    expect(await blockedNow()).toEqual([true, true]);
    await limiter.block("ann", "1s");
    await clock.advance(59_999);
    expect(await blockedNow()).toEqual([true, true]);
    await clock.advance(1);
    expect(await blockedNow()).toEqual([false, false]);
  });

  it("counts only within the window, and each key separately", async () => {
    const limiter = limiterOn(makeStore());
    for (let i = 0; i < 20; i++) {
      await clock.advance(5_000);
      await limiter.consume("ann");
      expect(blocked(await limiter.consume("ann"))).toBe(false);
      expect(blocked(await limiter.consume(`other ${i}`))).toBe(false);
    }
  });

  it("does not count denials of a blocked key, whether blocked automatically or by hand", async () => {
    const limiter = limiterOn(makeStore());
    await limiter.block("ann", "1s");
    for (let i = 0; i < 10; i++) await limiter.consume("ann");
    await clock.advance(1_000);
    expect(await provoke(limiter)).toEqual([3, 60_000]);
    for (let i = 0; i < 10; i++) await limiter.consume("ann");
    await clock.advance(60_000);
    expect(await provoke(limiter)).toEqual([3, 120_000]);
  });

  it("never shortens a block that was set by hand", async () => {
    const limiter = limiterOn(makeStore(), { after: 1 });
    await limiter.consume("ann");
    const [denied] = await Promise.all([limiter.consume("ann"), limiter.block("ann", "2h")]);
    expect(denied.allowed).toBe(false);
    await clock.advance(3_600_000);
    expect(blocked(await limiter.consume("ann"))).toBe(true);
  });

  it("forgets blocks and violations after a reset", async () => {
    const limiter = limiterOn(makeStore());
    await provoke(limiter);
    await limiter.reset("ann");
    expect((await limiter.consume("ann")).allowed).toBe(true);
    await limiter.consume("ann");
    await limiter.consume("ann");
    await limiter.reset("ann");
    expect(await provoke(limiter)).toEqual([3, 60_000]);
  });

  it("blocks only once after concurrent violations", async () => {
    const store = makeStore();
    const events: AutoBlockEvent[] = [];
    const limiters = [1, 2, 3, 4].map(() => limiterOn(store, { onBlock: (event) => events.push(event) }));
    await Promise.all(Array.from({ length: 40 }, (_, i) => (limiters[i % 4] as Limiter).consume("ann")));
    expect(events).toEqual([{ key: "ann", level: 1, durationMs: 60_000 }]);
    expect((await (limiters[0] as Limiter).peek("ann")).retryAfterMs).toBe(60_000);
  });

  it("counts only the named policies, each for its own key", async () => {
    const limiter = createLimiter({
      store: makeStore(),
      policies: [
        fixedWindow({ name: "user", limit: 2, window: "1s" }),
        fixedWindow({ name: "all", limit: 4, window: "1s" }),
      ],
      clock,
      autoBlock: escalatingBlock({ ...STRICT, policies: ["user"] }),
    });
    const ask = (user: string) => limiter.consume({ user, all: "all" });
    for (const user of ["ann", "ann", "bob", "bob", "cid", "cid", "cid", "cid", "cid"]) await ask(user);
    for (let i = 0; i < 3; i++) await ask("ann");
    await clock.advance(1_000);
    expect([blocked(await ask("ann")), blocked(await ask("bob")), blocked(await ask("cid"))]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

it("counts neither peeks nor waits", async () => {
  const limiter = limiterOn(modelStore(), { after: 1 });
  await limiter.consume("ann");
  await limiter.peek("ann");
  await expect(limiter.wait("ann", { timeout: "10ms" })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
  expect(blocked(await limiter.peek("ann"))).toBe(false);
});

it("emits the returned decision once", async () => {
  const denied = vi.fn();
  const options = { ...STRICT, after: 1 };
  const limiter = createLimiter({
    store: modelStore(),
    policies: POLICY,
    clock,
    autoBlock: escalatingBlock(options),
    on: { denied },
  });
  await limiter.consume("ann");
  const decision = await limiter.consume("ann");
  expect(blocked(decision)).toBe(true);
  expect(denied.mock.calls).toEqual([[decision]]);
});

it("still denies if counting fails or its listener throws", async () => {
  const store = modelStore();
  const failing: DecidingStore = {
    ...store,
    decide(admission, options) {
      if (admission.claims[0]?.policy.name === "violations") throw new Error("down");
      return store.decide(admission, options);
    },
  };
  const limiter = limiterOn(failing, { after: 1 });
  await limiter.consume("ann");
  const decision = await limiter.consume("ann");
  expect([decision.allowed, decision.source, blocked(decision)]).toEqual([false, "store", false]);

  const loud = limiterOn(modelStore(), {
    after: 1,
    onBlock: () => {
      throw new Error("by the listener");
    },
  });
  expect(await provoke(loud)).toEqual([1, 60_000]);
});

it("sends one more request to the store only for denials, and only if it is used", async () => {
  const store = modelStore();
  const decide = vi.spyOn(store, "decide");
  const plain = createLimiter({ store, policies: POLICY, clock, prefix: "plain" });
  await plain.consume("ann");
  await plain.consume("ann");
  expect(decide).toHaveBeenCalledTimes(2);
  const limiter = limiterOn(store);
  await limiter.consume("ann");
  expect(decide).toHaveBeenCalledTimes(3);
  await limiter.consume("ann");
  expect(decide).toHaveBeenCalledTimes(5);
});

describe("options", () => {
  it.each([
    [{ after: 0 }, "after"],
    [{ after: 1.5 }, "after"],
    [{ within: "soon" as never }, "within"],
    [{ duration: 0 }, "duration"],
    [{ maxDuration: "59s" as const }, "maxDuration"],
    [{ forgetAfter: -1 }, "forgetAfter"],
    [{ policies: [] }, "policies"],
    [{ policies: "user" as never }, "policies"],
    [{ onBlock: 1 as never }, "onBlock"],
  ])("%j are refused", (wrong, option) => {
    expect(() => escalatingBlock({ ...STRICT, ...wrong })).toThrow(`option "${option}"`);
  });

  it("that are unknown or name an unknown policy are refused", () => {
    expect(() => escalatingBlock({ ...STRICT, aftr: 1 } as never)).toThrow('did you mean "after"?');
    expect(() => limiterOn(modelStore(), { policies: ["user"] })).toThrow(
      'option "autoBlock.policies" must name policies of the limiter, got "user"',
    );
    expect(() => createLimiter({ store: modelStore(), autoBlock: {} as never })).toThrow('option "autoBlock"');
  });

  it("must name policies if keys are given by policy name", () => {
    expect(() => limiterOn(modelStore()).decide({ default: "ann" })).toThrow('option "autoBlock.policies"');
  });
});
