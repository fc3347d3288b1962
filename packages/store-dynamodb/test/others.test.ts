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
  /** This process, which remembers what it saw; a policy replaces the usual one. */
  mine(policy?: Policy): Limiter;
  /** Another process. */
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

/** Two processes must see the same as one model in memory. */
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

describe.each(["token-bucket", "fixed-window"])(
  "with a %s, a process that does not know that another one",
  (algorithm) => {
    const policy = (policiesOf[algorithm] as (limit: number) => Policy)(10);
    const changed =
      algorithm === "token-bucket"
        ? [
            tokenBucket({ rate: 20, interval: "180d", burst: 7 }),
            tokenBucket({ rate: 10, interval: "45d" }),
            tokenBucket({ rate: 10, interval: "180d" }),
          ]
        : [fixedWindow({ limit: 20, window: "30d" }), fixedWindow({ limit: 3, window: "180d" })];

    it("blocked the key denies, while it is in use", () =>
      expectAsInModel(policy, async ({ mine, theirs, advance }) => {
        const decisions = [await mine().consume("somebody")];
        await theirs().block("somebody", "1h");
        decisions.push(await mine().consume("somebody"));
        // And was not charged for it.
        await advance(3_600_000);
        decisions.push(await mine().consume("somebody"));
        return decisions;
      }));

    it("blocked the key for a while allows when that is over and all is there again", () =>
      expectAsInModel(policy, async ({ mine, theirs, advance }) => {
        const decisions = [await mine().consume("somebody")];
        await theirs().block("somebody", "1h");
        await advance(91 * 86_400_000);
        decisions.push(await mine().consume("somebody"), await theirs().consume("somebody"));
        return decisions;
      }));

    it("blocked the key denies, when it should be full again", () =>
      expectAsInModel(policy, async ({ mine, theirs, advance }) => {
        const first = await mine().consume("somebody");
        await theirs().block("somebody", "365d");
        await advance(91 * 86_400_000);
        return [first, await mine().consume("somebody")];
      }));

    it("blocked a key for which nothing was counted denies", () =>
      expectAsInModel(policy, async ({ mine, theirs }) => {
        await theirs().block("somebody", "1h");
        return [await mine().consume("somebody")];
      }));

    it.each(changed.map((other) => [other] as const))(
      "changed the policy's numbers continues from there: %j",
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

    it("used it all denies, and again when it was reset and used", () =>
      expectAsInModel(policy, async ({ mine, theirs }) => {
        const decisions = [await mine().consume("somebody")];
        decisions.push(await theirs().consume("somebody", { cost: 9 }), await mine().consume("somebody"));
        await theirs().reset("somebody");
        decisions.push(await theirs().consume("somebody"), await mine().consume("somebody", { cost: 9 }));
        decisions.push(await mine().consume("somebody"));
        return decisions;
      }));

    it("used it since, after it was full again, counts from that", () =>
      expectAsInModel(policy, async ({ mine, theirs, advance }) => {
        const decisions = [await mine().consume("somebody", { cost: 10 })];
        await advance(91 * 86_400_000);
        decisions.push(await theirs().consume("somebody", { cost: 8 }), await mine().consume("somebody", { cost: 3 }));
        decisions.push(await mine().consume("somebody", { cost: 2 }), await theirs().consume("somebody"));
        return decisions;
      }));

    it("refunded allows again", () =>
      expectAsInModel(policy, async ({ mine, theirs }) => {
        const limiter = theirs();
        const decision = await limiter.consume("somebody", { cost: 10 });
        const decisions = [decision, await mine().consume("somebody")];
        await limiter.refund(decision);
        decisions.push(await mine().consume("somebody", { cost: 10 }), await mine().consume("somebody"));
        return decisions;
      }));
  },
);

it("an update that fails because another process replaced the entry is repeated on the new one", async () => {
  const [mine, theirs] = [openStore().store, openStore().store];
  const write = (state: number) => () => ({ state, ttlMs: 60_000 });
  await mine.atomicUpdate("others:update", write(1));
  await theirs.atomicUpdate("others:update", write(2));
  const seen = await mine.atomicUpdate<number>("others:update", (state) => {
    if (state === 1) throw new Error("on a mere guess");
    return undefined;
  });
  expect(seen).toBe(2);
});
