import { memoryStore } from "@sluice/store-memory";
import { manualClock, modelStore, threeMethodsOf } from "@sluice/testkit";
import { describe, expect, it, vi } from "vitest";
import { decideJointly, type JointDecision, refundJointly } from "../../src/http/index.js";
import { createLimiter, escalatingBlock, fixedWindow, type Limiter, tokenBucket } from "../../src/index.js";
import { type Claim, scopeOf } from "../../src/store/index.js";

const OTHER = fixedWindow({ name: "other", limit: 1, window: "1m" });

function claim(key: string): Claim {
  return { scope: scopeOf("sluice", OTHER), key, policy: OTHER, cost: 1 };
}

describe.each([
  ["a store that decides", () => modelStore()],
  ["the store in memory", () => memoryStore()],
  ["a store of three methods", () => threeMethodsOf(modelStore())],
])("on %s", (_name, makeStore) => {
  const clock = manualClock();
  const policies = [fixedWindow({ name: "a", limit: 10, window: "1m" }), tokenBucket({ name: "b", rate: 20 })];
  const make = (): Limiter => createLimiter({ store: makeStore(), policies, clock });
  const left = ({ decision }: JointDecision): number[] => decision.policies.map(({ remaining }) => remaining);

  it("charges both or neither, each its own cost", async () => {
    const limiter = make();
    const first = await decideJointly(limiter, "ann", { cost: 6 }, claim("x"));
    expect([first.decision.allowed, first.other?.allowed, left(first)]).toEqual([true, true, [4, 14]]);
    const repeated = await decideJointly(limiter, "ann", { cost: 2 }, claim("x"));
    expect([repeated.decision.allowed, repeated.other?.allowed, left(repeated)]).toEqual([true, false, [4, 14]]);
    const over = await decideJointly(limiter, "ann", { cost: 5 }, claim("y"));
    expect([over.decision.allowed, over.other?.allowed, over.decision.violated]).toEqual([false, true, ["a"]]);
    const next = await decideJointly(limiter, "ann", { cost: 4 }, claim("y"));
    expect([next.decision.allowed, next.other?.allowed, left(next)]).toEqual([true, true, [0, 10]]);
  });

  it("gives both back, once", async () => {
    const limiter = make();
    const first = await decideJointly(limiter, "ann", { cost: 6 }, claim("x"));
    expect(await refundJointly(limiter, first, claim("x"))).toBe(true);
    expect(await refundJointly(limiter, first, claim("x"))).toBe(false);
    const second = await decideJointly(limiter, "ann", { cost: 10 }, claim("x"));
    expect([second.decision.allowed, second.other?.allowed]).toEqual([true, true]);
    const repeated = await decideJointly(limiter, "bob", undefined, claim("x"));
    expect(await refundJointly(limiter, repeated, claim("x"))).toBe(false);
    expect((await limiter.peek("bob")).policies.map(({ remaining }) => remaining)).toEqual([10, 20]);
  });
});

it("tells listeners and autoBlock of what the limiter itself decided", async () => {
  const denied = vi.fn();
  const limiter = createLimiter({
    store: modelStore(),
    policies: fixedWindow({ limit: 1, window: "1m" }),
    autoBlock: escalatingBlock({ after: 2, within: "1m", duration: "1h" }),
    clock: manualClock(),
    on: { denied },
  });
  await decideJointly(limiter, "ann", undefined, claim("x"));
  await decideJointly(limiter, "bob", undefined, claim("x"));
  expect(denied).not.toHaveBeenCalled();
  await decideJointly(limiter, "ann", undefined, claim("y"));
  const { decision } = await decideJointly(limiter, "ann", undefined, claim("x"));
  expect(decision.retryAfterMs).toBe(3_600_000);
  expect(denied).toHaveBeenCalledTimes(2);
});

it("is what the limiter says when the store fails", async () => {
  for (const failOpen of [false, true]) {
    const store = { ...modelStore(), decide: () => Promise.reject(new Error("down")) };
    const { decision, other } = await decideJointly(createLimiter({ store, failOpen }), "ann", undefined, claim("x"));
    expect([decision.source, other]).toEqual([failOpen ? "failOpen" : "failClosed", undefined]);
  }
});

it("takes limiters of createLimiter only", () => {
  const limiter = { ...createLimiter({ store: modelStore() }) };
  expect(() => decideJointly(limiter, "ann", undefined, claim("x"))).toThrow('option "limiter"');
});
