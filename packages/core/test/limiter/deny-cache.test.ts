import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type Algorithm,
  createLimiter,
  escalatingBlock,
  fixedWindow,
  type LimiterOptions,
  type Policy,
  slidingWindow,
  tokenBucket,
} from "../../src/index.js";
import { createDenyCache } from "../../src/store/deny-cache.js";
import { remote } from "../../src/store/index.js";
import { failingStore } from "../fixtures/failing-store.js";
import { mapStore, threeMethodStore } from "../fixtures/map-store.js";

const perHour = fixedWindow({ limit: 5, window: "1h" });

function setUp(options: Partial<LimiterOptions> = {}) {
  const store = failingStore();
  const limiter = createLimiter({ store, policies: perHour, ...options });
  return { store, limiter };
}

/** Uses up a limit of 5, and lets the store deny the next request. */
async function exhaust({ limiter, store }: ReturnType<typeof setUp>, key = "k"): Promise<void> {
  for (let i = 0; i < 5; i++) expect(await limiter.consume(key)).toMatchObject({ allowed: true, source: "store" });
  expect(await limiter.consume(key)).toMatchObject({ allowed: false, source: "store" });
  store.asked = 0;
}

/** Requests `k`. The store decides now, but its answer arrives only after `release`. */
async function deniedLate({ limiter, store }: ReturnType<typeof setUp>) {
  const { decide } = store;
  let release = (): void => {};
  store.decide = async (...args) => {
    const outcome = await decide(...args);
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return outcome;
  };
  const denied = limiter.consume("k");
  await vi.advanceTimersByTimeAsync(1);
  store.decide = decide;
  return { denied, release };
}

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("the deny cache", () => {
  it("sends at most 2 requests per second for an exhausted key under 10,000 requests per second", async () => {
    const made = setUp();
    await exhaust(made);
    for (let second = 0; second < 3; second++) {
      const before = made.store.asked;
      for (let ms = 0; ms < 1_000; ms++) {
        await vi.advanceTimersByTimeAsync(1);
        const decisions = Array.from({ length: 10 }, () => made.limiter.decide("k"));
        for (const decision of await Promise.all(decisions)) expect(decision.allowed).toBe(false);
      }
      expect(made.store.asked - before).toBeLessThanOrEqual(2);
    }
    expect(made.store.asked).toBeGreaterThanOrEqual(3);
  });

  it("sends as few requests if the store takes 100 ms to answer", async () => {
    const { store, limiter } = setUp();
    const { decide } = store;
    store.decide = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return decide(...args);
    };
    for (let i = 0; i < 6; i++) {
      const deciding = limiter.consume("k");
      await vi.advanceTimersByTimeAsync(100);
      await deciding;
    }
    store.asked = 0;
    for (let ms = 0; ms < 5_000; ms++) {
      await vi.advanceTimersByTimeAsync(1);
      void limiter.decide("k");
    }
    expect(store.asked).toBeLessThanOrEqual(10);
  });

  it("answers synchronously, with reduced times and no remaining quota", async () => {
    const made = setUp();
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(300);
    const decision = made.limiter.decide("k");
    expect(decision).not.toBeInstanceOf(Promise);
    const windowLeftMs = 3_600_000 - 300;
    expect(decision).toMatchObject({
      allowed: false,
      source: "cache",
      limit: 5,
      remaining: 0,
      retryAfterMs: windowLeftMs,
      resetAfterMs: windowLeftMs,
      violated: ["default"],
      policies: [{ policy: perHour, allowed: false, remaining: 0, retryAfterMs: windowLeftMs, blocked: false }],
    });
    expect(made.store.asked).toBe(0);
  });

  it("asks the store when the key has recovered", async () => {
    const made = setUp({ policies: tokenBucket({ rate: 5, burst: 5 }) });
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(199);
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: false, source: "cache", retryAfterMs: 1 });
    await vi.advanceTimersByTimeAsync(1);
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: true, source: "store" });
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: false, source: "store" });
  });

  it("does not repeat a denial that is older than maxAge", async () => {
    const made = setUp({ denyCache: { maxAge: "200ms" } });
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(99);
    expect((await made.limiter.consume("k")).source).toBe("cache");
    await vi.advanceTimersByTimeAsync(101);
    expect((await made.limiter.consume("k")).source).toBe("store");
  });

  it("lets one request refresh a denial at half of maxAge, and answers the others meanwhile", async () => {
    const made = setUp();
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(500);
    const decisions = await Promise.all(Array.from({ length: 10 }, () => made.limiter.consume("k")));
    expect(decisions.map(({ source }) => source)).toEqual(["store", ...new Array<string>(9).fill("cache")]);
  });

  it("repeats a denial for the same or a higher cost, and asks the store for a lower one", async () => {
    const { store, limiter } = setUp();
    await limiter.consume("k", { cost: 2 });
    expect(await limiter.consume("k", { cost: 4 })).toMatchObject({ allowed: false, remaining: 3, source: "store" });
    store.asked = 0;
    expect(await limiter.consume("k", { cost: 4 })).toMatchObject({ allowed: false, remaining: 3, source: "cache" });
    expect(await limiter.consume("k", { cost: 5 })).toMatchObject({ allowed: false, remaining: 3, source: "cache" });
    expect(store.asked).toBe(0);
    expect(await limiter.consume("k", { cost: 3 })).toMatchObject({ allowed: true, remaining: 0, source: "store" });
    // The grant changed the remaining quota.
    expect(await limiter.consume("k", { cost: 4 })).toMatchObject({ allowed: false, remaining: 0, source: "store" });
  });

  it("does not answer for a cost that can never fit, even if a lower one was denied", async () => {
    const made = setUp();
    await exhaust(made);
    expect(await made.limiter.consume("k", { cost: 6 })).toMatchObject({ retryAfterMs: undefined, source: "store" });
  });

  it("asks the store for each peek", async () => {
    const made = setUp();
    await exhaust(made);
    for (let i = 0; i < 3; i++) expect((await made.limiter.peek("k")).source).toBe("store");
  });

  it("keeps keys apart", async () => {
    const made = setUp();
    await exhaust(made, "a");
    expect(await made.limiter.consume("b")).toMatchObject({ allowed: true, source: "store" });
    expect((await made.limiter.consume("a")).source).toBe("cache");
  });

  it("holds at most maxKeys keys, the latest", async () => {
    const made = setUp({ policies: fixedWindow({ limit: 1, window: "1h" }), denyCache: { maxKeys: 10 } });
    for (let i = 0; i < 20; i++) {
      await made.limiter.consume(String(i));
      await made.limiter.consume(String(i));
    }
    const sources = [];
    for (let i = 19; i >= 0; i--) sources.push((await made.limiter.consume(String(i))).source);
    expect(sources.slice(0, 10)).toEqual(new Array(10).fill("cache"));
    expect(sources.slice(10)).toEqual(new Array(10).fill("store"));
  });

  it("holds fewer keys if they are long", async () => {
    const made = setUp({ policies: fixedWindow({ limit: 1, window: "1h" }), denyCache: { maxKeys: 10 } });
    const long = (i: number): string => `${i}${"x".repeat(1_000)}`;
    const ask = async (key: string) => (await made.limiter.consume(key)).source;
    for (let i = 0; i < 5; i++) for (let n = 0; n < 2; n++) await ask(long(i));
    expect(await Promise.all([4, 3, 2].map((i) => ask(long(i))))).toEqual(["cache", "cache", "store"]);
    // A key that is longer than the whole cache is not stored.
    for (let n = 0; n < 3; n++) expect(await ask("x".repeat(3_000))).toBe("store");
    for (let n = 0; n < 3; n++) await ask("short");
    expect(await ask("short")).toBe("cache");
  });

  it("does not retain the texts that keys were cut from", () => {
    const quotas = [{ limit: 5, windowMs: 3_600_000 }];
    const denials = createDenyCache({ maxKeys: 10_000, maxAgeMs: 60_000 }).openFor({
      quotas,
      timeoutMs: 500,
      onlyBlocked: false,
      storeDecides: true,
    });
    const finding = {
      allowed: false,
      remaining: 0,
      retryAfterMs: 60_000,
      resetAfterMs: 60_000,
      epochMs: 0,
      blocked: false,
    };
    const outcome = { allowed: false, nowMs: 0, findings: [finding] };
    const before = heapUsed();
    for (let i = 0; i < 2_000; i++) {
      const [, key = ""] = Buffer.from(`${"x".repeat(10_000)},session=${i} and more`)
        .toString()
        .split(",");
      denials.note([{ scope: "sluice:default:fixed-window:", key, policy: perHour, cost: 1 }], outcome, {
        deadlineMs: 1_000,
      });
    }
    // The texts have 20 MB.
    expect(heapUsed() - before).toBeLessThan(5_000_000);
    const claim = { scope: "sluice:default:fixed-window:", key: "session=7 and more", policy: perHour, cost: 1 };
    expect(denials.find([claim], {})).toMatchObject({ allowed: false });
  });

  it("is off if denyCache is false", async () => {
    const made = setUp({ denyCache: false });
    await exhaust(made);
    expect((await made.limiter.consume("k")).source).toBe("store");
  });

  it("is off for a store that is not remote", async () => {
    const limiter = createLimiter({ store: mapStore(), policies: perHour });
    for (let i = 0; i < 8; i++) expect((await limiter.consume("k")).source).toBe("store");
  });

  it("returns denials that cannot be refunded", async () => {
    const made = setUp();
    await exhaust(made);
    expect(await made.limiter.refund(await made.limiter.consume("k"))).toBe(false);
  });

  it("emits the events of a decision", async () => {
    const made = setUp();
    await exhaust(made);
    const sources: string[] = [];
    made.limiter.on("denied", ({ source }) => sources.push(source));
    await made.limiter.consume("k");
    expect(sources).toEqual(["cache"]);
  });

  it("answers while the store is down, but not after maxAge", async () => {
    const made = setUp({ on: { storeError: () => {} }, failOpen: true });
    await exhaust(made);
    made.store.mode = "down";
    await vi.advanceTimersByTimeAsync(499);
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: false, source: "cache" });
    await vi.advanceTimersByTimeAsync(501);
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: true, source: "failOpen" });
  });

  it("lets `wait` sleep until the key has recovered", async () => {
    const made = setUp({ policies: tokenBucket({ rate: 5, burst: 5 }) });
    await exhaust(made);
    const waiting = made.limiter.wait("k");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toMatchObject({ allowed: true, source: "store" });
    expect(made.store.asked).toBe(1);
  });
});

describe("within the process, the deny cache is cleared by", () => {
  it.each([
    ["reset", async ({ limiter }: ReturnType<typeof setUp>) => limiter.reset("k"), { allowed: true, remaining: 4 }],
    [
      "block",
      async ({ limiter }: ReturnType<typeof setUp>) => limiter.block("k", "2h"),
      { allowed: false, retryAfterMs: 7_200_000 },
    ],
    [
      "reset of another limiter on the same store",
      async ({ store }: ReturnType<typeof setUp>) => createLimiter({ store, policies: perHour }).reset("k"),
      { allowed: true, remaining: 4 },
    ],
    [
      "reset of another limiter with another cache",
      async ({ store }: ReturnType<typeof setUp>) =>
        createLimiter({ store, policies: perHour, denyCache: { maxAge: "5s" } }).reset("k"),
      { allowed: true, remaining: 4 },
    ],
    [
      "reset of another limiter without a cache or breaker",
      async ({ store }: ReturnType<typeof setUp>) =>
        createLimiter({ store, policies: perHour, denyCache: false, breaker: false }).reset("k"),
      { allowed: true, remaining: 4 },
    ],
  ])("%s", async (_, change, expected) => {
    const made = setUp();
    await exhaust(made);
    expect((await made.limiter.consume("k")).source).toBe("cache");
    await change(made);
    expect(await made.limiter.consume("k")).toMatchObject({ ...expected, source: "store" });
  });

  it("refund", async () => {
    const { limiter } = setUp();
    const granted = await limiter.consume("k", { cost: 5 });
    await limiter.consume("k");
    expect((await limiter.consume("k")).source).toBe("cache");
    expect(await limiter.refund(granted)).toBe(true);
    expect(await limiter.consume("k")).toMatchObject({ allowed: true, remaining: 4, source: "store" });
  });

  it("a block that fails, since it may have been executed", async () => {
    const made = setUp({ on: { storeError: () => {} } });
    await exhaust(made);
    const { atomicUpdate } = made.store;
    made.store.atomicUpdate = async (...args) => {
      await atomicUpdate(...args);
      throw new Error("the reply got lost");
    };
    await expect(made.limiter.block("k", "2h")).rejects.toMatchObject({ code: "STORE_FAILED" });
    expect((await made.limiter.consume("k")).source).toBe("store");
  });

  it("a reset that overtakes the answer to a request", async () => {
    const made = setUp();
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(1_000);
    const { denied, release } = await deniedLate(made);
    await made.limiter.reset("k");
    release();
    expect((await denied).allowed).toBe(false);
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: true, source: "store" });
  });

  it("a reset that overtakes an answer, even if very many other keys are reset after it", async () => {
    const made = setUp();
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(1_000);
    const { denied, release } = await deniedLate(made);
    await made.limiter.reset("k");
    for (let i = 0; i < 1_500; i++) {
      await made.limiter.consume(String(i));
      await made.limiter.reset(String(i));
    }
    release();
    await denied;
    expect(await made.limiter.consume("k")).toMatchObject({ allowed: true, source: "store" });
  });
});

describe("several policies", () => {
  const burst = tokenBucket({ name: "burst", rate: 10, burst: 20 });
  const daily = fixedWindow({ name: "daily", limit: 5, window: "1d" });

  it("are all reported, as the store reported them", async () => {
    const made = setUp({ policies: [burst, daily] });
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(100);
    const decision = await made.limiter.consume("k");
    expect(decision).toMatchObject({ source: "cache", limit: 5, remaining: 0, violated: ["daily"] });
    expect(decision.policies).toMatchObject([
      { policy: { name: "burst" }, allowed: true, remaining: 15, resetAfterMs: 400, retryAfterMs: 0 },
      { policy: { name: "daily" }, allowed: false, remaining: 0, retryAfterMs: 86_400_000 - 100 },
    ]);
  });

  it("are decided by the store again when one of them has its whole limit", async () => {
    const made = setUp({ policies: [burst, daily] });
    await exhaust(made);
    await vi.advanceTimersByTimeAsync(499);
    expect((await made.limiter.consume("k")).source).toBe("cache");
    await vi.advanceTimersByTimeAsync(1);
    expect((await made.limiter.consume("k")).policies).toMatchObject([{ remaining: 20 }, { remaining: 0 }]);
  });

  it("with different keys are repeated only for the same keys", async () => {
    const perUser = fixedWindow({ name: "perUser", limit: 5, window: "1h" });
    const perAddress = fixedWindow({ name: "perAddress", limit: 100, window: "1h" });
    const { limiter } = setUp({ policies: [perAddress, perUser] });
    const key = { perAddress: "192.0.2.1", perUser: "u" };
    for (let i = 0; i < 6; i++) await limiter.consume(key);
    expect(await limiter.consume(key)).toMatchObject({ source: "cache", violated: ["perUser"] });
    expect(await limiter.consume({ ...key, perAddress: "192.0.2.2" })).toMatchObject({ source: "store" });
    expect(await limiter.consume({ ...key, perUser: "v" })).toMatchObject({ allowed: true, source: "store" });
    await limiter.reset({ perUser: "u" });
    expect(await limiter.consume(key)).toMatchObject({ allowed: true, source: "store" });
  });

  it("of two limiters are not mixed up if they have equal names but different numbers", async () => {
    const store = failingStore();
    const free = createLimiter({ store, policies: fixedWindow({ limit: 5, window: "1h" }) });
    const paid = createLimiter({ store, policies: fixedWindow({ limit: 100, window: "1h" }) });
    for (let i = 0; i < 6; i++) await free.consume("k");
    expect((await free.consume("k")).source).toBe("cache");
    expect(await paid.consume("k")).toMatchObject({ allowed: true, source: "store" });
  });
});

describe("a clock", () => {
  it.each([-3_600_000, -1, 3_600_000])("that steps by %d ms sends the next request to the store", async (stepMs) => {
    let nowMs = 1_000_000;
    const clock = { nowMs: () => nowMs, sleep: () => new Promise<void>(() => {}) };
    const made = setUp({ clock });
    await exhaust(made);
    expect((await made.limiter.consume("k")).source).toBe("cache");
    nowMs += stepMs;
    expect((await made.limiter.consume("k")).source).toBe("store");
  });

  it("of the machine has no effect if it steps", async () => {
    const made = setUp();
    await exhaust(made);
    vi.setSystemTime(Date.now() + 3_600_000);
    expect((await made.limiter.consume("k")).source).toBe("cache");
    vi.setSystemTime(0);
    expect((await made.limiter.consume("k")).source).toBe("cache");
  });
});

describe("automatic blocks", () => {
  it("count every denial, and blocked keys are answered from the cache", async () => {
    const onBlock = vi.fn();
    const autoBlock = escalatingBlock({ after: 10, within: "1m", duration: "10m", onBlock });
    const made = setUp({ autoBlock });
    for (let i = 0; i < 14; i++) expect((await made.limiter.consume("k")).source).toBe("store");
    expect(onBlock).not.toHaveBeenCalled();
    await made.limiter.consume("k");
    expect(onBlock).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect((await made.limiter.consume("k")).policies[0]?.blocked).toBe(true);
    expect(await made.limiter.consume("k")).toMatchObject({ source: "cache", policies: [{ blocked: true }] });
  });
});

describe.each([
  ["a custom algorithm", () => failingStore()],
  ["a store with three methods", () => ({ remote, ...threeMethodStore() })],
])("%s", (_, make) => {
  interface Lifetime extends Policy {
    readonly limit: number;
  }
  const lifetime: Algorithm<Lifetime, number> = {
    name: "lifetime",
    quota: ({ limit }) => ({ limit, windowMs: 1_000_000 }),
    step(used = 0, { limit }, _nowMs, cost) {
      const allowed = used + cost <= limit;
      const left = { allowed, remaining: limit - used - (allowed ? cost : 0), resetAfterMs: 1_000_000, epochMs: 0 };
      if (!allowed) return { ...left, retryAfterMs: undefined };
      return { ...left, retryAfterMs: 0, next: { state: used + cost, ttlMs: 1_000_000 } };
    },
  };

  it("is cached, and forgotten after a reset", async () => {
    const policies = { name: "trial", algorithm: "lifetime", limit: 5 };
    const limiter = createLimiter({ store: make(), algorithms: [lifetime], policies });
    for (let i = 0; i < 6; i++) {
      await vi.advanceTimersByTimeAsync(1);
      expect((await limiter.consume("k")).source).toBe("store");
    }
    expect(await limiter.consume("k")).toMatchObject({ allowed: false, source: "cache" });
    await limiter.reset("k");
    expect(await limiter.consume("k")).toMatchObject({ allowed: true, source: "store" });
  });
});

it("repeats a denial of a sliding window until the key has recovered", async () => {
  const made = setUp({ policies: slidingWindow({ limit: 5, window: "10s" }) });
  await exhaust(made);
  for (let ms = 0; ms < 9_000; ms += 100) {
    await vi.advanceTimersByTimeAsync(100);
    const { allowed, remaining, retryAfterMs = 0 } = await made.limiter.consume("k");
    expect(allowed).toBe(false);
    expect(remaining).toBe(0);
    expect(retryAfterMs).toBeGreaterThan(0);
  }
  expect(made.store.asked).toBeLessThanOrEqual(18);
});
