import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as after, setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createLimiter, type Decision, fixedWindow, slidingWindow, tokenBucket } from "../../src/index.js";
import { createWaitQueue } from "../../src/limiter/wait-queue.js";
import type { DecidingStore, Outcome } from "../../src/store/index.js";
import { manualClock } from "../fixtures/manual-clock.js";
import { mapStore } from "../fixtures/map-store.js";

afterEach(() => vi.useRealTimers());

/** A store that counts its calls. */
function countedStore() {
  const inner = mapStore();
  const calls = { count: 0 };
  const store: DecidingStore = {
    ...inner,
    decide(admission, options) {
      calls.count++;
      return inner.decide(admission, options);
    },
    atomicUpdate(key, update, options) {
      calls.count++;
      return inner.atomicUpdate(key, update, options);
    },
  };
  return { store, calls };
}

/** A store that can be frozen, so that it no longer answers. */
function freezingStore() {
  const inner = mapStore();
  const state = { frozen: false };
  const store: DecidingStore = {
    ...inner,
    async decide(admission, options): Promise<Outcome> {
      return state.frozen ? new Promise<never>(() => {}) : inner.decide(admission, options);
    },
    async atomicUpdate(key, update, options) {
      return state.frozen ? new Promise<never>(() => {}) : inner.atomicUpdate(key, update, options);
    },
  };
  return { store, state };
}

/** The processor time of this process in milliseconds. It does not include other work on the machine. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** The processor time of the longest turn of the event loop during the work, except for the turn that started it. */
async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let working = true;
  let longestMs = 0;
  const done = work().finally(() => {
    working = false;
  });
  for (let lastMs = cpuMs(); working; ) {
    await setImmediate();
    const ms = cpuMs();
    longestMs = Math.max(longestMs, ms - lastMs);
    lastMs = ms;
  }
  await done;
  return longestMs;
}

describe("a crowd of callers with deadlines", () => {
  it("needs time and store calls in proportion to its size", async () => {
    const { store, calls } = countedStore();
    const limiter = createLimiter({ store, policies: tokenBucket({ rate: 20_000, burst: 1_000 }) });
    const count = 16_000;
    const startMs = cpuMs();
    let granted = 0;
    const turnMs = await longestTurnMs(() =>
      Promise.all(
        Array.from({ length: count }, () => limiter.wait("k", { timeout: "30s" }).then(() => void granted++)),
      ),
    );
    expect(granted).toBe(count);
    expect(calls.count).toBeLessThan(3 * count);
    expect(turnMs).toBeLessThan(1_000);
    expect(cpuMs() - startMs).toBeLessThan(4_000);
  });

  it("is rejected after a few peeks if its deadlines cannot be met", async () => {
    const { store, calls } = countedStore();
    const limiter = createLimiter({ store, policies: slidingWindow({ limit: 10, window: "1h" }) });
    await limiter.consume("k", { cost: 10 });
    const patient = limiter.wait("k").catch(() => {});
    const turnMs = await longestTurnMs(async () => {
      const refused = await Promise.allSettled(
        Array.from({ length: 4_000 }, () => limiter.wait("k", { timeout: "5m" })),
      );
      expect(refused.every(({ status }) => status === "rejected")).toBe(true);
    });
    expect(turnMs).toBeLessThan(1_000);
    expect(calls.count).toBeLessThan(10);
    await limiter.close();
    await patient;
  });

  it("causes peeks only when a caller may have to leave, if callers arrive one by one", async () => {
    const { store, calls } = countedStore();
    const clock = manualClock();
    const limiter = createLimiter({ store, clock, policies: fixedWindow({ limit: 1, window: 1_000 }) });
    await limiter.wait("k");
    let settled = 0;
    const startMs = cpuMs();
    for (let i = 1; i <= 5_000; i++) {
      void limiter.wait("k", { timeout: i * 1_000 }).then(
        () => settled++,
        () => {},
      );
      await Promise.resolve();
    }
    await setImmediate();
    expect(calls.count).toBeLessThan(10);
    expect(cpuMs() - startMs).toBeLessThan(2_000);
    await clock.advance(20_000);
    expect(settled).toBe(20);
    await limiter.close().catch(() => {});
  });

  it("leaves quickly if its callers share one signal", async () => {
    const limiter = createLimiter({ store: mapStore(), policies: fixedWindow({ limit: 1, window: "1h" }) });
    const shutdown = new AbortController();
    const add = vi.spyOn(shutdown.signal, "addEventListener");
    await limiter.wait("k", { signal: shutdown.signal });
    const waiting = Array.from({ length: 50_000 }, () => limiter.wait("k", { signal: shutdown.signal }));
    await setImmediate();
    expect(add.mock.calls.length).toBeLessThan(4);
    const startMs = cpuMs();
    shutdown.abort("shutdown");
    const ends = await Promise.allSettled(waiting);
    expect(ends.every((end) => end.status === "rejected" && end.reason === "shutdown")).toBe(true);
    expect(cpuMs() - startMs).toBeLessThan(4_000);
  });
});

describe("callers of one turn", () => {
  it("are not delayed by a caller whose deadline cannot be met", async () => {
    const clock = manualClock();
    const limiter = createLimiter({ store: mapStore(), clock, policies: tokenBucket({ rate: 10, burst: 10 }) });
    await limiter.consume("k", { cost: 10 });
    const ends: string[] = [];
    const wait = (name: string, cost: number, timeout?: number) =>
      limiter.wait("k", { cost, ...(timeout !== undefined && { timeout }) }).then(
        () => ends.push(`${name} granted`),
        (error: { code: string }) => ends.push(`${name} ${error.code}`),
      );
    void wait("first", 5);
    await clock.advance(0);
    void wait("hopeless", 10, 300);
    void wait("hopeful", 1, 900);
    await clock.advance(0);
    expect(ends).toEqual(["hopeless WAIT_TIMEOUT"]);
    await clock.advance(600);
    expect(ends).toEqual(["hopeless WAIT_TIMEOUT", "first granted", "hopeful granted"]);
  });

  it("are rejected immediately if their deadlines cannot be met", async () => {
    const clock = manualClock();
    const limiter = createLimiter({ store: mapStore(), clock, policies: slidingWindow({ limit: 7, window: 1_000 }) });
    const refusedMs: number[] = [];
    const startMs = clock.nowMs();
    for (let i = 0; i < 40; i++) {
      void limiter.wait("k", { cost: 1 + (i % 3), timeout: 100 * (1 + (i % 11)) }).catch(() => {
        refusedMs.push(clock.nowMs() - startMs);
      });
    }
    await clock.advance(5_000);
    expect(refusedMs.length).toBeGreaterThan(10);
    expect(new Set(refusedMs)).toEqual(new Set([0]));
  });
});

describe("a line of callers when the store freezes", () => {
  it.each([true, false])("with failOpen %s answers everybody within the timeout, and recovers", async (failOpen) => {
    const { store, state } = freezingStore();
    const limiter = createLimiter({
      store,
      failOpen,
      timeout: 200,
      policies: tokenBucket({ rate: 1_000, burst: 1 }),
    });
    state.frozen = true;
    const startMs = performance.now();
    const answers = Array.from({ length: 100 }, () =>
      limiter.wait("k").then(
        ({ source }) => source,
        ({ code }: { code: string }) => code,
      ),
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set([failOpen ? "failOpen" : "STORE_TIMEOUT"]));
    expect(performance.now() - startMs).toBeLessThan(400);
    state.frozen = false;
    const again = await Promise.all(Array.from({ length: 50 }, () => limiter.wait("k", { timeout: "10s" })));
    expect(new Set(again.map(({ source }) => source))).toEqual(new Set(["store"]));
  });

  it("does not blame the store if this process was blocked", async () => {
    const inner = mapStore();
    const store: DecidingStore = {
      ...inner,
      async decide(admission, options) {
        await after(20);
        return inner.decide(admission, options);
      },
    };
    const limiter = createLimiter({ store, timeout: 200, policies: tokenBucket({ rate: 1_000, burst: 100 }) });
    const answers = Array.from({ length: 10 }, () => limiter.wait("k").then(({ source }) => source));
    for (const startMs = performance.now(); performance.now() - startMs < 1_000; );
    expect(new Set(await Promise.all(answers))).toEqual(new Set(["store"]));
  });

  it("keeps its order if a single call fails", async () => {
    const inner = mapStore();
    let failures = 1;
    const store: DecidingStore = {
      ...inner,
      async decide(admission, options) {
        if (failures-- > 0) throw new Error("connection reset");
        return inner.decide(admission, options);
      },
    };
    const limiter = createLimiter({ store, failOpen: true, policies: tokenBucket({ rate: 100, burst: 1 }) });
    const sources = await Promise.all(Array.from({ length: 4 }, async () => (await limiter.wait("k")).source));
    expect(sources).toEqual(["failOpen", "store", "store", "store"]);
  });
});

describe("a line whose first caller is lost", () => {
  const decision = (allowed: boolean, retryAfterMs = 0) =>
    ({
      allowed,
      cost: 1,
      limit: 1,
      remaining: 0,
      retryAfterMs,
      resetAfterMs: 0,
      policies: [],
      violated: [],
      source: "store",
    }) as Decision;
  const request = (consume: () => Promise<Decision>) => ({
    line: "k",
    cost: 1,
    neverFits: false,
    timeoutMs: undefined,
    signal: undefined,
    consume,
    look: () => Promise.reject(new Error("not peeked")),
    refund: async () => {},
  });

  it("continues if its call never ends, as on Workers after its request has ended", async () => {
    const queue = createWaitQueue(undefined, 100);
    void queue.wait(request(() => new Promise<never>(() => {})));
    const startMs = performance.now();
    await queue.wait(request(async () => decision(true)));
    expect(performance.now() - startMs).toBeLessThan(1_500);
  });

  it("continues if it does not take its turn", async () => {
    const queue = createWaitQueue(undefined, 100);
    let answered: (decision: Decision) => void = () => {};
    const first = queue.wait(request(() => new Promise((resolve) => (answered = resolve))));
    void queue.wait(request(() => new Promise<never>(() => {})));
    const third = queue.wait(request(async () => decision(true)));
    await setImmediate();
    answered(decision(true));
    await first;
    const startMs = performance.now();
    await third;
    expect(performance.now() - startMs).toBeLessThan(1_500);
  });

  it("serves the first caller first if it comes back", async () => {
    const queue = createWaitQueue(undefined, 50);
    const ends: string[] = [];
    let answered: (decision: Decision) => void = () => {};
    const lost = queue
      .wait(request(() => new Promise((resolve) => (answered = resolve))))
      .then(() => ends.push("lost"));
    let denials = 0;
    const others = ["second", "third"].map((name) =>
      queue.wait(request(async () => decision(denials++ > 0, 300))).then(() => ends.push(name)),
    );
    await vi.waitUntil(() => denials === 1, { timeout: 3_000 });
    answered(decision(true));
    await lost;
    await Promise.all(others);
    expect(ends).toEqual(["lost", "second", "third"]);
  });

  it("continues after fake timers were removed", async () => {
    const limiter = createLimiter({ store: mapStore(), policies: tokenBucket({ rate: 10, interval: "1s", burst: 1 }) });
    vi.useFakeTimers();
    await limiter.wait("k");
    const ends: string[] = [];
    void limiter.wait("k").then(() => ends.push("advanced"));
    await vi.advanceTimersByTimeAsync(100);
    expect(ends).toEqual(["advanced"]);
    limiter.wait("k").then(
      () => ends.push("left behind"),
      () => {},
    );
    await setImmediate();
    vi.useRealTimers();
    const startMs = performance.now();
    await limiter.wait("k");
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await limiter.close();
  });
});

it("calls the store in the context of each caller", async () => {
  const context = new AsyncLocalStorage<string>();
  const inner = mapStore();
  const asked: (string | undefined)[] = [];
  const store: DecidingStore = {
    ...inner,
    decide(admission, options) {
      asked.push(context.getStore());
      return inner.decide(admission, options);
    },
  };
  const limiter = createLimiter({ store, policies: tokenBucket({ rate: 50, burst: 1 }) });
  const waits = ["a", "b", "c"].map((name) => context.run(name, () => limiter.wait("k", { timeout: "5s" })));
  await Promise.all(waits);
  await after(1);
  expect(new Set(asked)).toEqual(new Set(["a", "b", "c"]));
  expect(asked.slice(1)).toContain("b");
  expect(asked.at(-1)).toBe("c");
});
