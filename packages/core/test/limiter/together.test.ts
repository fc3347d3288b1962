import { memoryStore } from "@sluice/store-memory";
import { manualClock, modelStore, threeMethodsOf } from "@sluice/testkit";
import { describe, expect, it, vi } from "vitest";
import {
  type Algorithm,
  createLimiter,
  escalatingBlock,
  fixedWindow,
  type Limiter,
  type Policy,
  tokenBucket,
} from "../../src/index.js";
import { decideTogether, type Joined } from "../../src/limiter/together.js";

const clock = manualClock();
const OTHER = fixedWindow({ name: "other", limit: 1, window: "1m" });

function otherOn(store: Limiter["store"], prefix = "sluice"): Limiter {
  return createLimiter({ store, policies: OTHER, clock, prefix });
}

const left = ({ decision }: Joined): number[] => decision.policies.map(({ remaining }) => remaining);

describe.each([
  ["a store that decides", () => modelStore()],
  ["the store in memory", () => memoryStore()],
  ["a store with three methods", () => threeMethodsOf(modelStore())],
])("on %s", (_name, makeStore) => {
  const policies = [fixedWindow({ name: "a", limit: 10, window: "1m" }), tokenBucket({ name: "b", rate: 20 })];

  function make() {
    const store = makeStore();
    const limiter = createLimiter({ store, policies, clock });
    const other = otherOn(store);
    return {
      limiter,
      other,
      async decide(key: string, cost: number, otherKey: string): Promise<[Joined, Joined]> {
        const [first, second] = await decideTogether([limiter.join(key, { cost }), other.join(otherKey)]);
        return [first as Joined, second as Joined];
      },
    };
  }

  it("charges all limiters or none, each with its own cost", async () => {
    const { decide } = make();
    const [first, firstOther] = await decide("ann", 6, "x");
    expect([first.decision.allowed, firstOther.decision.allowed, left(first)]).toEqual([true, true, [4, 14]]);
    expect([first.charged, firstOther.charged]).toEqual([true, true]);
    const [repeated, repeatedOther] = await decide("ann", 2, "x");
    expect([repeated.decision.allowed, repeatedOther.decision.allowed, left(repeated)]).toEqual([true, false, [4, 14]]);
    expect([repeated.charged, repeatedOther.charged]).toEqual([false, false]);
    const [over, overOther] = await decide("ann", 5, "y");
    expect([over.decision.allowed, overOther.decision.allowed, over.decision.violated]).toEqual([false, true, ["a"]]);
    const [next, nextOther] = await decide("ann", 4, "y");
    expect([next.decision.allowed, nextOther.decision.allowed, left(next)]).toEqual([true, true, [0, 10]]);
  });

  it("refunds each limiter only once", async () => {
    const { limiter, other, decide } = make();
    const [first, firstOther] = await decide("ann", 6, "x");
    const refundBoth = async () => [await limiter.refund(first.decision), await other.refund(firstOther.decision)];
    expect(await refundBoth()).toEqual([true, true]);
    expect(await refundBoth()).toEqual([false, false]);
    const [second, secondOther] = await decide("ann", 10, "x");
    expect([second.decision.allowed, secondOther.decision.allowed]).toEqual([true, true]);
    const [repeated] = await decide("bob", 1, "x");
    expect(await limiter.refund(repeated.decision)).toBe(false);
    expect((await limiter.peek("bob")).policies.map(({ remaining }) => remaining)).toEqual([10, 20]);
  });

  it("shares the counts with each single limiter, even if their prefixes differ", async () => {
    const store = makeStore();
    const limiter = createLimiter({ store, policies, clock, prefix: "one" });
    const other = otherOn(store, "two");
    await decideTogether([limiter.join("ann", { cost: 3 }), other.join("ann")]);
    expect((await limiter.peek("ann")).policies.map(({ remaining }) => remaining)).toEqual([7, 17]);
    expect(await other.allow("ann")).toBe(false);
    await other.reset("ann");
    expect(await other.allow("ann")).toBe(true);
  });

  it("decides claims on the same entry one after the other", async () => {
    const store = makeStore();
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 1, window: "1m" }), clock });
    const [first, second] = await decideTogether([limiter.join("ann"), limiter.join("ann")]);
    expect([first?.decision.allowed, second?.decision.allowed]).toEqual([true, false]);
  });
});

it("keeps each ledger of a store with three methods under the prefix of its claim", async () => {
  const store = modelStore();
  const plain = threeMethodsOf(store);
  const limiters = ["one", "t:o"].map((prefix) => createLimiter({ store: plain, policies: OTHER, clock, prefix }));
  await decideTogether(limiters.map((limiter) => limiter.join("ann")));
  const keys: string[] = [];
  for await (const { key } of store.exportEntries()) keys.push(key);
  expect(keys.sort()).toEqual(["one:*::ann", "t%3Ao:*::ann"]);
});

it("calls each store once, and no further store after a denial", async () => {
  const [first, second] = [modelStore(), modelStore()];
  const decides = [vi.spyOn(first, "decide"), vi.spyOn(second, "decide")];
  const limiters = ["a", "b"].map((name) =>
    createLimiter({ store: first, policies: fixedWindow({ name, limit: 1, window: "1m" }), clock }),
  );
  const other = otherOn(second);
  const join = (key: string) => [limiters[0]?.join(key), other.join("x"), limiters[1]?.join(key)] as never;
  const all = await decideTogether(join("ann"));
  expect(all.map((one) => one?.charged)).toEqual([true, true, true]);
  expect(decides.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  const repeated = await decideTogether(join("ann"));
  expect(repeated.map((one) => one?.decision.allowed)).toEqual([false, undefined, false]);
  expect(decides.map(({ mock }) => mock.calls.length)).toEqual([2, 1]);
});

it("decides a limiter with a custom algorithm separately from built-in ones", async () => {
  const store = modelStore();
  const once: Algorithm<Policy, boolean> = {
    name: "once",
    quota: () => ({ limit: 1, windowMs: 1_000 }),
    step: (used = false) => {
      const numbers = { remaining: used ? 0 : 1, resetAfterMs: 1_000, epochMs: 0 };
      if (used) return { allowed: false, retryAfterMs: 1_000, ...numbers };
      return { allowed: true, retryAfterMs: 0, ...numbers, next: { state: true, ttlMs: 1_000 } };
    },
  };
  const policies = { name: "custom", algorithm: "once" };
  const custom = createLimiter({ store, policies, algorithms: [once as Algorithm], clock });
  const other = otherOn(store);
  const first = await decideTogether([custom.join("ann"), other.join("x")]);
  expect(first.map((one) => one?.charged)).toEqual([true, true]);
  expect(await custom.allow("ann")).toBe(false);
  const next = await decideTogether([custom.join("bob"), other.join("x")]);
  expect(next.map((one) => [one?.decision.allowed, one?.charged])).toEqual([
    [true, true],
    [false, false],
  ]);
});

it("notifies listeners and autoBlock of each limiter's own decision", async () => {
  const denied = vi.fn();
  const decided = vi.fn();
  const store = modelStore();
  const limiter = createLimiter({
    store,
    policies: fixedWindow({ limit: 1, window: "1m" }),
    autoBlock: escalatingBlock({ after: 2, within: "1m", duration: "1h" }),
    clock,
    on: { denied, decision: decided },
  });
  const other = otherOn(store);
  const decide = async (key: string, otherKey: string) =>
    (await decideTogether([limiter.join(key), other.join(otherKey)]))[0]?.decision;
  await decide("ann", "x");
  await decide("bob", "x");
  expect(denied).not.toHaveBeenCalled();
  expect(decided).toHaveBeenCalledTimes(1);
  await decide("ann", "y");
  const decision = await decide("ann", "x");
  expect(decision?.retryAfterMs).toBe(3_600_000);
  expect(denied).toHaveBeenCalledTimes(2);
});

it("decides by each limiter's failOpen if the store fails", async () => {
  const store = { ...modelStore(), decide: () => Promise.reject(new Error("down")) };
  const quiet = vi.spyOn(console, "error").mockImplementation(() => {});
  const limiters = [true, false].map((failOpen) => createLimiter({ store, failOpen, prefix: String(failOpen) }));
  const joined = await decideTogether(limiters.map((limiter) => limiter.join("ann")));
  expect(joined.map((one) => [one?.decision.source, one?.charged])).toEqual([
    ["failOpen", false],
    ["failClosed", false],
  ]);
  quiet.mockRestore();
});

it("answers within the shortest timeout", async () => {
  const store = { ...modelStore(), decide: () => new Promise<never>(() => {}) };
  const quiet = vi.spyOn(console, "error").mockImplementation(() => {});
  const limiters = ["10s", "20ms"].map((timeout) =>
    createLimiter({ store, timeout: timeout as "10s", prefix: timeout }),
  );
  const startMs = performance.now();
  const joined = await decideTogether(limiters.map((limiter) => limiter.join("ann")));
  expect(performance.now() - startMs).toBeLessThan(5_000);
  expect(joined.map((one) => one?.decision.error?.code)).toEqual(["STORE_TIMEOUT", "STORE_TIMEOUT"]);
  quiet.mockRestore();
});

it("accepts a copy of a limiter, such as a wrapper", async () => {
  const limiter = { ...createLimiter({ store: modelStore(), clock }) };
  const [joined] = await decideTogether([limiter.join("ann")]);
  expect(joined?.decision.remaining).toBe(99);
});
