import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createLimiter,
  type Decision,
  fixedWindow,
  type LimiterKey,
  type LimiterOptions,
  type Policy,
  slidingLog,
  slidingWindow,
  tokenBucket,
  type WaitOptions,
} from "../../src/index.js";
import type { DecidingStore, Outcome } from "../../src/store/index.js";
import { manualClock } from "../fixtures/manual-clock.js";
import { mapStore, synchronousStore, threeMethodStore } from "../fixtures/map-store.js";

const onePer10s = fixedWindow({ limit: 1, window: "10s" });
const START_MS = 1_000_000;

function setUp(policies: Policy | Policy[] = onePer10s, options: Partial<LimiterOptions> = {}) {
  const clock = manualClock(START_MS);
  const store = options.store ?? mapStore();
  const limiter = createLimiter({ policies, clock, ...options, store });
  /** The results and times of the callers, in order. */
  const ends: string[] = [];
  const wait = (name: string, given: WaitOptions = {}, key: LimiterKey = "k"): Promise<Decision | undefined> => {
    const at = () => `at ${clock.nowMs() - START_MS}`;
    return limiter.wait(key, given).then(
      (decision) => {
        ends.push(`${name} ${at()}`);
        return decision;
      },
      (error: { code?: string }) => {
        ends.push(`${name} ${error.code ?? error} ${at()}`);
        return undefined;
      },
    );
  };
  const left = async (key: LimiterKey = "k") => (await limiter.peek(key)).remaining;
  return { clock, store, limiter, ends, wait, left };
}

/** A store whose answers wait until the test releases them. */
function heldStore() {
  const inner = mapStore();
  const held: (() => void)[] = [];
  let holding = false;
  const store: DecidingStore = {
    ...inner,
    async decide(admission, options): Promise<Outcome> {
      const outcome = await inner.decide(admission, options);
      if (holding) await new Promise<void>((go) => held.push(go));
      return outcome;
    },
  };
  return {
    store,
    held,
    hold() {
      holding = true;
    },
    release() {
      holding = false;
      for (const go of held.splice(0)) go();
    },
  };
}

afterEach(() => vi.restoreAllMocks());

describe.each([
  ["a store that decides", mapStore],
  ["a store that decides synchronously", synchronousStore],
  ["a store with three methods", threeMethodStore],
])("wait on %s", (_, makeStore) => {
  it("is granted immediately if there is enough quota", async () => {
    const { limiter, clock } = setUp(onePer10s, { store: makeStore() });
    expect(await limiter.wait("k")).toMatchObject({ allowed: true, remaining: 0, source: "store" });
    expect(clock.sleeping()).toEqual([]);
  });

  it("sleeps exactly as long as needed", async () => {
    const { clock, wait, ends } = setUp(onePer10s, { store: makeStore() });
    await wait("first");
    await clock.advance(3_333);
    void wait("second");
    await setImmediate();
    expect(clock.sleeping()).toEqual([6_667]);
    await clock.advance(6_666);
    expect(ends).toEqual(["first at 0"]);
    await clock.advance(1);
    expect(ends).toEqual(["first at 0", "second at 10000"]);
  });

  it("serves callers in order, even if later ones would fit sooner", async () => {
    const { clock, wait, ends } = setUp(tokenBucket({ rate: 10, interval: "10s" }), { store: makeStore() });
    await wait("all", { cost: 10 });
    void wait("large", { cost: 8 });
    void wait("small", { cost: 1 });
    void wait("medium", { cost: 3 });
    await clock.advance(60_000);
    expect(ends).toEqual(["all at 0", "large at 8000", "small at 9000", "medium at 12000"]);
  });

  it("does not make keys wait for each other", async () => {
    const { clock, wait, ends } = setUp(onePer10s, { store: makeStore() });
    await wait("a1", {}, "a");
    void wait("a2", {}, "a");
    await wait("b1", {}, "b");
    await clock.advance(5_000);
    await wait("c1", {}, "c");
    await clock.advance(60_000);
    expect(ends).toEqual(["a1 at 0", "b1 at 0", "c1 at 5000", "a2 at 10000"]);
  });

  it("waits until all policies allow it", async () => {
    const policies = [
      tokenBucket({ name: "burst", rate: 1, interval: "1s" }),
      slidingLog({ name: "hour", limit: 3, window: "1h" }),
    ];
    const { clock, wait, ends } = setUp(policies, { store: makeStore() });
    for (const name of ["a", "b", "c", "d"]) void wait(name);
    await clock.advance(3_700_000);
    expect(ends).toEqual(["a at 0", "b at 1000", "c at 2000", "d at 3600000"]);
  });
});

describe("a line of callers", () => {
  it("is shared by callers with the same combination of keys", async () => {
    const policies = [
      fixedWindow({ name: "user", limit: 1, window: "10s" }),
      fixedWindow({ name: "everyone", limit: 2, window: "10s" }),
    ];
    const { clock, wait, ends } = setUp(policies);
    for (const user of ["ann", "ann", "bob", "cleo"]) void wait(user, {}, { user, everyone: "all" });
    await clock.advance(30_000);
    expect(ends.sort()).toEqual(["ann at 0", "ann at 10000", "bob at 0", "cleo at 10000"]);
  });

  it("ends, and a later caller starts another", async () => {
    const { clock, wait, ends } = setUp();
    await wait("a");
    void wait("b");
    await clock.advance(10_000);
    await clock.advance(10_000);
    await wait("c");
    void wait("d");
    await clock.advance(10_000);
    expect(ends).toEqual(["a at 0", "b at 10000", "c at 20000", "d at 30000"]);
  });

  it("continues if others took the units for which the first caller slept", async () => {
    const { clock, wait, ends, limiter, store } = setUp();
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on("warning", onWarning);
    const other = createLimiter({ store, clock, policies: limiter.policies });
    await wait("first");
    void wait("second");
    for (let i = 0; i < 15; i++) {
      await clock.advance(9_999);
      // Another process is faster each time.
      const decided = clock.advance(1);
      const quicker = other.consume("k");
      await Promise.all([decided, quicker]);
      if (!(await quicker).allowed) await other.reset("k").then(() => other.consume("k"));
    }
    await clock.advance(100_000);
    expect(ends.at(-1)).toMatch(/^second at /);
    expect(warnings).toEqual([]);
    process.off("warning", onWarning);
  });

  it("emits only the grant", async () => {
    const decisions: boolean[] = [];
    const { clock, wait } = setUp(onePer10s, { on: { decision: ({ allowed }) => void decisions.push(allowed) } });
    await wait("a");
    void wait("b");
    await clock.advance(10_000);
    expect(decisions).toEqual([true, true]);
  });

  it("waits for a block to end", async () => {
    const { clock, wait, ends, limiter } = setUp();
    await limiter.block("k", "1m");
    void wait("a");
    await clock.advance(60_000);
    expect(ends).toEqual(["a at 60000"]);
  });
});

describe("a signal", () => {
  it("rejects with its reason and sends nothing if it is aborted before the call", async () => {
    const store = mapStore();
    const decide = vi.spyOn(store, "decide");
    const { limiter } = setUp(onePer10s, { store });
    const reason = new Error("gone");
    await expect(limiter.wait("k", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(decide).not.toHaveBeenCalled();
  });

  it("removes the first caller immediately, charges nothing, and does not delay the line", async () => {
    const { clock, wait, ends, left } = setUp(tokenBucket({ rate: 10, interval: "10s" }));
    await wait("all", { cost: 10 });
    const controller = new AbortController();
    void wait("impatient", { cost: 10, signal: controller.signal });
    void wait("next", { cost: 2 });
    await clock.advance(1_000);
    controller.abort(new Error("gone"));
    await clock.advance(0);
    expect(ends).toEqual(["all at 0", "impatient Error: gone at 1000"]);
    await clock.advance(1_000);
    expect(ends.slice(2)).toEqual(["next at 2000"]);
    expect(await left()).toBe(0);
    expect(clock.sleeping()).toEqual([]);
  });

  it("removes a caller in the middle, and the next one takes its turn", async () => {
    const { clock, wait, ends } = setUp();
    const controller = new AbortController();
    void wait("a");
    void wait("b");
    void wait("c", { signal: controller.signal });
    void wait("d");
    await clock.advance(5_000);
    controller.abort("gone");
    await clock.advance(15_000);
    expect(ends).toEqual(["a at 0", "c gone at 5000", "b at 10000", "d at 20000"]);
  });

  it("refunds a grant that is in flight", async () => {
    const { store, hold, release } = heldStore();
    const { wait, ends, left } = setUp(onePer10s, { store });
    const controller = new AbortController();
    hold();
    const gone = wait("gone", { signal: controller.signal });
    await setImmediate();
    controller.abort("gone");
    await gone;
    release();
    await setImmediate();
    expect(ends).toEqual(["gone gone at 0"]);
    expect(await left()).toBe(1);
  });

  it("during a denial in flight does not make the next caller sleep for it", async () => {
    const { store, hold, release, held } = heldStore();
    const { clock, wait, ends } = setUp(tokenBucket({ rate: 10, interval: "10s" }), { store });
    await wait("most", { cost: 9 });
    const controller = new AbortController();
    hold();
    void wait("gone", { cost: 10, signal: controller.signal });
    void wait("next", { cost: 1 });
    await setImmediate();
    expect(held).toHaveLength(1);
    controller.abort("gone");
    release();
    await clock.advance(0);
    expect(ends).toEqual(["most at 0", "gone gone at 0", "next at 0"]);
    expect(clock.sleeping()).toEqual([]);
  });

  it("has no effect after its caller was granted", async () => {
    const { limiter, left } = setUp(fixedWindow({ limit: 2, window: "10s" }));
    const controller = new AbortController();
    await limiter.wait("k", { signal: controller.signal });
    controller.abort();
    expect(await left()).toBe(1);
  });
});

describe("a deadline", () => {
  const shapes: [string, Policy, string[]][] = [
    // Each caller takes half of the units that return in 10 s. The last column lists who is granted within the deadline
    // of 20 s.
    [
      "token bucket",
      tokenBucket({ rate: 2, interval: "10s" }),
      ["b at 5000", "c at 10000", "d at 15000", "e at 20000"],
    ],
    [
      "fixed window",
      fixedWindow({ limit: 2, window: "10s" }),
      ["b at 10000", "c at 10000", "d at 20000", "e at 20000"],
    ],
    ["sliding log", slidingLog({ limit: 2, window: "10s" }), ["b at 10000", "c at 10000", "d at 20000", "e at 20000"]],
    ["sliding window", slidingWindow({ limit: 2, window: "10s" }), ["b at 15000", "c at 20000"]],
  ];

  it.each(shapes)(
    "that cannot be met ends the wait immediately, even far back in line: %s",
    async (_, policy, granted) => {
      const { clock, wait, ends, left } = setUp(policy);
      await wait("a", { cost: 2 });
      for (const name of ["b", "c", "d", "e", "f", "g"]) void wait(name, { timeout: "20s" });
      await clock.advance(0);
      const refused = ends.slice(1);
      expect(refused.length).toBeGreaterThan(0);
      for (const end of refused) expect(end).toMatch(/^[c-g] WAIT_TIMEOUT at 0$/);
      // Nobody who would have been granted was rejected. The others may or may not be granted.
      const met = granted.map((end) => end[0]);
      for (const name of met) expect(refused.join()).not.toContain(`${name} WAIT`);
      await clock.advance(60_000);
      expect(ends.filter((end) => !end.includes("WAIT_TIMEOUT")).slice(1)).toEqual(granted);
      expect(await left()).toBeGreaterThanOrEqual(1);
    },
  );

  it("that the first caller cannot meet ends the wait immediately, and charges nothing", async () => {
    const { clock, limiter, wait, ends } = setUp();
    await wait("a");
    const refused = limiter.wait("k", { timeout: 9_999 });
    await expect(refused).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    await expect(refused).rejects.toThrow(/would take at least 10000 ms from now, past its timeout of 9999 ms/);
    void wait("b", { timeout: "10s" });
    await clock.advance(10_000);
    expect(ends).toEqual(["a at 0", "b at 10000"]);
  });

  it("counts from the call, even if other callers leave in between", async () => {
    const { clock, wait, ends } = setUp();
    await wait("a");
    const controller = new AbortController();
    void wait("b", { signal: controller.signal });
    void wait("late", { timeout: "15s" });
    await clock.advance(4_000);
    controller.abort("gone");
    void wait("in time", { timeout: "6s" });
    await clock.advance(60_000);
    expect(ends).toEqual(["a at 0", "late WAIT_TIMEOUT at 0", "b gone at 4000", "in time at 10000"]);
  });

  it("ends the wait of a caller in line if other processes were unexpectedly faster", async () => {
    const { clock, wait, ends, limiter, store } = setUp();
    const other = createLimiter({ store, clock, policies: limiter.policies });
    await wait("a");
    void wait("b");
    void wait("c", { timeout: "20s" });
    // A new window starts twice while the line waits.
    for (const ms of [9_900, 9_100]) {
      await clock.advance(ms);
      await other.reset("k");
      await other.consume("k");
    }
    await clock.advance(60_000);
    expect(ends).toEqual(["a at 0", "c WAIT_TIMEOUT at 20001", "b at 29000"]);
  });

  it("does not count a grant in flight twice", async () => {
    const { store, hold, release } = heldStore();
    const { clock, wait, ends } = setUp(onePer10s, { store });
    await wait("a");
    void wait("b");
    await clock.advance(9_999);
    hold();
    await clock.advance(1);
    // b has been charged, but its answer is in flight. So c's turn is in 10 s, not in 20 s.
    void wait("c", { timeout: "10s" });
    await setImmediate();
    release();
    await clock.advance(0);
    expect(ends).toEqual(["a at 0", "b at 10000"]);
    await clock.advance(10_000);
    expect(ends.slice(2)).toEqual(["c at 20000"]);
  });

  it("does not count a grant twice if it was made before the store peeked", async () => {
    const inner = mapStore();
    const looks: (() => void)[] = [];
    const store: DecidingStore = {
      ...inner,
      async decide(admission, options): Promise<Outcome> {
        if (!admission.charge) await new Promise<void>((go) => looks.push(go));
        return inner.decide(admission, options);
      },
    };
    const { clock, wait, ends } = setUp(onePer10s, { store });
    await wait("a");
    void wait("b");
    await clock.advance(9_999);
    void wait("c", { timeout: "11s" });
    await clock.advance(1);
    expect(ends).toEqual(["a at 0", "b at 10000"]);
    for (let i = 0; i < 3; i++) {
      for (const look of looks.splice(0)) look();
      await setImmediate();
    }
    await clock.advance(10_000);
    expect(ends.slice(2)).toEqual(["c at 20000"]);
  });

  it("does not reject callers if there is room for all", async () => {
    const { store, hold, release } = heldStore();
    const { clock, wait, ends } = setUp(fixedWindow({ limit: 5, window: "10s" }), { store });
    hold();
    for (const name of ["a", "b", "c"]) void wait(name, { timeout: 1 });
    await setImmediate();
    release();
    await clock.advance(0);
    expect(ends).toEqual(["a at 0", "b at 0", "c at 0"]);
  });

  it.each([0, -1, "soon", Number.NaN, null])("of %s is refused", async (timeout) => {
    const { limiter } = setUp();
    await expect(limiter.wait("k", { timeout: timeout as number })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });
});

describe("a cost that never fits", () => {
  it("ends the wait immediately, even far back in line, and does not affect other callers", async () => {
    const { clock, wait, ends } = setUp(fixedWindow({ limit: 3, window: "10s" }));
    await wait("too much", { cost: 4 });
    await wait("a", { cost: 3 });
    void wait("b");
    void wait("far too much", { cost: 1_000 });
    void wait("c", { timeout: "10s" });
    await clock.advance(10_000);
    expect(ends).toEqual([
      "too much COST_EXCEEDS_LIMIT at 0",
      "a at 0",
      "far too much COST_EXCEEDS_LIMIT at 0",
      "b at 10000",
      "c at 10000",
    ]);
  });
});

describe("close", () => {
  it("rejects all waiting callers, charges nothing, and leaves no timer", async () => {
    const { clock, limiter, wait, ends, store } = setUp();
    await wait("a");
    void wait("b");
    void wait("c", { timeout: "30s" });
    void wait("other", {}, "another key");
    await clock.advance(1);
    await limiter.close();
    await clock.advance(60_000);
    expect(ends).toEqual(["a at 0", "other at 0", "b CLOSED at 1", "c CLOSED at 1"]);
    expect(clock.sleeping()).toEqual([]);
    expect((await createLimiter({ store, clock, policies: onePer10s }).peek("k")).remaining).toBe(1);
  });

  it("refunds a grant in flight", async () => {
    const { store, hold, release } = heldStore();
    const { clock, limiter, wait, ends } = setUp(onePer10s, { store });
    hold();
    const waiting = wait("a");
    await setImmediate();
    await limiter.close();
    await waiting;
    release();
    await setImmediate();
    expect(ends).toEqual(["a CLOSED at 0"]);
    expect((await createLimiter({ store, clock, policies: onePer10s }).peek("k")).remaining).toBe(1);
  });
});

describe("in real time", () => {
  it("sleeps with the timers of the runtime", async () => {
    const limiter = createLimiter({ store: mapStore(), policies: tokenBucket({ rate: 1, interval: 50, burst: 1 }) });
    const startMs = performance.now();
    await Promise.all([limiter.wait("k"), limiter.wait("k"), limiter.wait("k", { timeout: "10s" })]);
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeGreaterThanOrEqual(98);
    expect(tookMs).toBeLessThan(1_500);
  });

  it("leaves no timer when it is over", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    const limiter = createLimiter({ store: mapStore(), policies: fixedWindow({ limit: 1, window: "1h" }) });
    await limiter.wait("k");
    const controller = new AbortController();
    const waiting = [
      limiter.wait("k", { signal: controller.signal }),
      limiter.wait("k", { signal: controller.signal, timeout: "3h" }),
    ].map((wait) => wait.catch(() => {}));
    await setImmediate();
    expect(timers()).toBe(before + 2);
    controller.abort();
    await Promise.all(waiting);
    await setImmediate();
    expect(timers()).toBe(before);
  });
});
