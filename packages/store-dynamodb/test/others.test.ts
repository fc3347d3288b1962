import {
  createLimiter,
  type Decision,
  fixedWindow,
  type Limiter,
  type Policy,
  type Store,
  tokenBucket,
} from "@sluice/core";
import { manualClock, modelStore } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import { policiesOf } from "./policies.js";
import { serverWithTable } from "./server.js";

const { openStore } = await serverWithTable();

interface Others {
  /** A limiter of this process, which remembers items. `policy` replaces the default one. */
  mine(policy?: Policy): Limiter;
  /** A limiter of another process. */
  theirs(policy?: Policy): Limiter;
  advance(ms: number): Promise<void>;
}

const shown = ({ allowed, remaining, retryAfterMs, resetAfterMs, policies }: Decision) => [
  allowed,
  remaining,
  retryAfterMs,
  resetAfterMs,
  policies[0]?.blocked,
];

/** Expects that two processes return the same decisions as one model in memory. */
async function expectAsInModel(policy: Policy, body: (others: Others) => Promise<Decision[]>): Promise<void> {
  const run = (mine: Store, theirs: Store): Promise<Decision[]> => {
    const clock = manualClock(1_700_000_000_000);
    const prefix =
      expect
        .getState()
        .currentTestName?.slice(-60)
        .replaceAll(/[^ -~]/g, "") ?? "";
    const limiterOn = (store: Store) => (own?: Policy) =>
      createLimiter({ store, clock, policies: own ?? policy, prefix, timeout: "10s" });
    return body({ mine: limiterOn(mine), theirs: limiterOn(theirs), advance: (ms) => clock.advance(ms) });
  };
  const model = modelStore();
  const decisions = await run(openStore().store, openStore().store);
  for (const { source, error } of decisions) expect(source, String(error)).toBe("store");
  expect(decisions.map(shown)).toEqual((await run(model, model)).map(shown));
}

describe.each(["token-bucket", "fixed-window"])("with a %s and a stale view, a process", (algorithm) => {
  const policy = (policiesOf[algorithm] as (limit: number) => Policy)(10);
  const changed =
    algorithm === "token-bucket"
      ? [
          tokenBucket({ rate: 20, interval: "180d", burst: 7 }),
          tokenBucket({ rate: 10, interval: "45d" }),
          tokenBucket({ rate: 10, interval: "180d" }),
        ]
      : [fixedWindow({ limit: 20, window: "30d" }), fixedWindow({ limit: 3, window: "180d" })];

  it("denies if another process blocked a key in use", () =>
    expectAsInModel(policy, async ({ mine, theirs, advance }) => {
      const decisions = [await mine().consume("somebody")];
      await theirs().block("somebody", "1h");
      decisions.push(await mine().consume("somebody"));
      // The denied request was not charged.
      await advance(3_600_000);
      decisions.push(await mine().consume("somebody"));
      return decisions;
    }));

  it("allows after another process's block ended and the quota is full again", () =>
    expectAsInModel(policy, async ({ mine, theirs, advance }) => {
      const decisions = [await mine().consume("somebody")];
      await theirs().block("somebody", "1h");
      await advance(91 * 86_400_000);
      decisions.push(await mine().consume("somebody"), await theirs().consume("somebody"));
      return decisions;
    }));

  it("denies if another process blocked a key that would be full by now", () =>
    expectAsInModel(policy, async ({ mine, theirs, advance }) => {
      const first = await mine().consume("somebody");
      await theirs().block("somebody", "365d");
      await advance(91 * 86_400_000);
      return [first, await mine().consume("somebody")];
    }));

  it("denies if another process blocked an unused key", () =>
    expectAsInModel(policy, async ({ mine, theirs }) => {
      await theirs().block("somebody", "1h");
      return [await mine().consume("somebody")];
    }));

  it.each(changed.map((other) => [other] as const))(
    "continues from a policy that another process changed: %j",
    (other) =>
      expectAsInModel(policy, async ({ mine, theirs, advance }) => {
        const decisions = [await mine().consume("somebody", { cost: 2 })];
        decisions.push(await theirs(other).consume("somebody"));
        await advance(1_234_567);
        decisions.push(await mine().consume("somebody"), await mine().consume("somebody"));
        decisions.push(await theirs(other).consume("somebody"));
        return decisions;
      }),
  );

  it("denies if another process used the rest, even after a reset", () =>
    expectAsInModel(policy, async ({ mine, theirs }) => {
      const decisions = [await mine().consume("somebody")];
      decisions.push(await theirs().consume("somebody", { cost: 9 }), await mine().consume("somebody"));
      await theirs().reset("somebody");
      decisions.push(await theirs().consume("somebody"), await mine().consume("somebody", { cost: 9 }));
      decisions.push(await mine().consume("somebody"));
      return decisions;
    }));

  it("counts what another process used after the quota was full again", () =>
    expectAsInModel(policy, async ({ mine, theirs, advance }) => {
      const decisions = [await mine().consume("somebody", { cost: 10 })];
      await advance(91 * 86_400_000);
      decisions.push(await theirs().consume("somebody", { cost: 8 }), await mine().consume("somebody", { cost: 3 }));
      decisions.push(await mine().consume("somebody", { cost: 2 }), await theirs().consume("somebody"));
      return decisions;
    }));

  it("allows again after another process's refund", () =>
    expectAsInModel(policy, async ({ mine, theirs }) => {
      const limiter = theirs();
      const decision = await limiter.consume("somebody", { cost: 10 });
      const decisions = [decision, await mine().consume("somebody")];
      await limiter.refund(decision);
      decisions.push(await mine().consume("somebody", { cost: 10 }), await mine().consume("somebody"));
      return decisions;
    }));
});

it("repeats an update that threw if another process has replaced the entry", async () => {
  const [mine, theirs] = [openStore().store, openStore().store];
  const write = (state: number) => () => ({ state, ttlMs: 60_000 });
  await mine.atomicUpdate("others:update", write(1));
  await theirs.atomicUpdate("others:update", write(2));
  const seen = await mine.atomicUpdate<number>("others:update", (state) => {
    if (state === 1) throw new Error("a wrong guess");
    return undefined;
  });
  expect(seen).toBe(2);
});
