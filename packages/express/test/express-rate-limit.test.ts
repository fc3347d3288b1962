import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type RemoteStoreMark, remote } from "@sluice/core/store";
import { type RedisServer, startRedis } from "@sluice/servers";
import { memoryStore } from "@sluice/store-memory";
import { redisStore } from "@sluice/store-redis";
import express from "express";
import { type Options, type Store as PeerStore, rateLimit } from "express-rate-limit";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it, vi } from "vitest";
import { toExpressRateLimitStore } from "../src/express-rate-limit.js";
import type { Store } from "../src/index.js";

let server: RedisServer;
let client: Redis;
beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.port);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});
afterEach(() => {
  vi.useRealTimers();
});

const stores: readonly [name: string, open: () => Store][] = [
  ["memory", () => memoryStore()],
  ["Redis", () => redisStore({ client })],
];

/**
 * Sends requests one after the other to an app with express-rate-limit. Returns each status with the remaining quota.
 */
async function answers(options: Partial<Options>, count: number, statusOf = (_i: number) => 200): Promise<string[]> {
  const app = express();
  app.use(rateLimit({ windowMs: 60_000, limit: 2, standardHeaders: "draft-6", legacyHeaders: false, ...options }));
  let sent = 0;
  app.get("/", (_req, res) => {
    res.status(statusOf(sent++)).end();
  });
  const listening = createServer(app).listen(0, "127.0.0.1");
  await once(listening, "listening");
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
  const seen: string[] = [];
  for (let i = 0; i < count; i++) {
    const response = await fetch(url);
    seen.push(`${response.status} ${response.headers.get("ratelimit-remaining")}`);
  }
  listening.closeAllConnections();
  listening.close();
  return seen;
}

describe.each(stores)("a store for express-rate-limit on %s", (name, open) => {
  const prefix = `test-${name}`;
  const opened = (prefixOfTest: string, windowMs = 60_000) => {
    const store = toExpressRateLimitStore(open(), { prefix: `${prefix}-${prefixOfTest}` });
    store.init({ windowMs });
    return store;
  };

  it("limits requests of express-rate-limit without an error from it", async () => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
    const store = toExpressRateLimitStore(open(), { prefix: `${prefix}-http` });
    expect(await answers({ store }, 4)).toEqual(["200 1", "200 0", "429 0", "429 0"]);
    expect(complaints).not.toHaveBeenCalled();
    complaints.mockRestore();
  });

  it("refunds failed requests", async () => {
    const store = toExpressRateLimitStore(open(), { prefix: `${prefix}-failed` });
    const statusOf = (i: number): number => (i < 3 ? 500 : 200);
    const seen = await answers({ store, skipFailedRequests: true }, 5, statusOf);
    expect(seen.map((line) => line.split(" ")[0])).toEqual(["500", "500", "500", "200", "200"]);
  });

  it("counts all hits of a window, including rejected ones", async () => {
    const store = opened("counts");
    const first = await store.increment("a");
    expect(first.totalHits).toBe(1);
    expect(Math.abs(first.resetTime.getTime() - Date.now() - 60_000)).toBeLessThan(5_000);
    for (const hits of [2, 3, 4]) expect((await store.increment("a")).totalHits).toBe(hits);
    expect((await store.increment("b")).totalHits).toBe(1);
  });

  it("counts every hit of concurrent requests", async () => {
    const store = opened("concurrent");
    const hits = await Promise.all(Array.from({ length: 50 }, () => store.increment("a")));
    expect(hits.map(({ totalHits }) => totalHits).sort((a, b) => a - b)).toEqual(hits.map((_, i) => i + 1));
  });

  it("returns hits without counting", async () => {
    const store = opened("get");
    expect(await store.get("a")).toBeUndefined();
    await store.increment("a");
    expect(await store.get("a")).toEqual({ totalHits: 1, resetTime: expect.any(Date) });
    expect((await store.get("a"))?.totalHits).toBe(1);
  });

  it("takes hits back, but never below 0", async () => {
    const store = opened("decrement");
    await store.decrement("a");
    expect(await store.get("a")).toBeUndefined();
    await store.increment("a");
    await store.increment("a");
    await store.decrement("a");
    expect((await store.get("a"))?.totalHits).toBe(1);
    await store.decrement("a");
    await store.decrement("a");
    expect((await store.increment("a")).totalHits).toBe(1);
  });

  it("resets one client", async () => {
    const store = opened("reset");
    await store.increment("a");
    await store.increment("b");
    await store.resetKey("a");
    expect(await store.get("a")).toBeUndefined();
    expect((await store.get("b"))?.totalHits).toBe(1);
  });

  it("keeps prefixes apart, and shares counts of the same prefix", async () => {
    const shared = open();
    const [one, same, other] = ["x", "x", "y"].map((each) => {
      const store = toExpressRateLimitStore(shared, { prefix: `${prefix}-apart-${each}` });
      store.init({ windowMs: 60_000 });
      return store;
    });
    await one?.increment("a");
    expect((await same?.increment("a"))?.totalHits).toBe(2);
    expect((await other?.increment("a"))?.totalHits).toBe(1);
  });

  it("has the store type of express-rate-limit", () => {
    expectTypeOf(opened("types")).toExtend<PeerStore>();
    expect(opened("types").localKeys).toBe(false);
  });
});

describe("windows", () => {
  it("start with the first hit, and end", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 });
    const store = toExpressRateLimitStore(memoryStore());
    store.init({ windowMs: 1_000 });
    expect(await store.increment("a")).toEqual({ totalHits: 1, resetTime: new Date(1_001_000) });
    vi.setSystemTime(1_000_999);
    expect(await store.increment("a")).toEqual({ totalHits: 2, resetTime: new Date(1_001_000) });
    vi.setSystemTime(1_001_000);
    expect(await store.get("a")).toBeUndefined();
    expect(await store.increment("a")).toEqual({ totalHits: 1, resetTime: new Date(1_002_000) });
  });

  it("leave no keys in Redis after they end", async () => {
    await client.flushall();
    const store = toExpressRateLimitStore(redisStore({ client }), { prefix: "lifetimes" });
    store.init({ windowMs: 60_000 });
    await store.increment("a");
    const keys = await client.keys("*");
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0);
  });
});

describe("a store that fails", () => {
  const failing = (error: unknown): Store => ({ ...memoryStore(), atomicUpdate: () => Promise.reject(error) });

  it("rejects with a SluiceError", async () => {
    const store = toExpressRateLimitStore(failing(new Error("no route to host")));
    store.init({ windowMs: 1_000 });
    await expect(store.increment("a")).rejects.toThrow(
      expect.objectContaining({ code: "STORE_FAILED", cause: new Error("no route to host") }),
    );
  });

  it("rejects a call that takes longer than the timeout", async () => {
    const silent: Store = { ...memoryStore(), atomicUpdate: () => new Promise(() => {}) };
    const store = toExpressRateLimitStore(silent, { timeout: "20ms" });
    store.init({ windowMs: 1_000 });
    await expect(store.increment("a")).rejects.toThrow(expect.objectContaining({ code: "STORE_TIMEOUT" }));
  });

  it.each([
    [undefined, 5, "STORE_BREAKER_OPEN"],
    [false, 10, "STORE_TIMEOUT"],
  ] as const)("does not wait for a remote store that is down, with the breaker %s", async (breaker, calls, code) => {
    const atomicUpdate = vi.fn(() => new Promise<never>(() => {}));
    const silent: Store & RemoteStoreMark = { ...memoryStore(), remote, atomicUpdate };
    const store = toExpressRateLimitStore(silent, { timeout: "20ms", breaker });
    store.init({ windowMs: 1_000 });
    // On a busy machine, ten real timeouts may take longer than the breaker stays open.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    try {
      const codes: unknown[] = [];
      for (let i = 0; i < 10; i++) {
        const hit = store.increment("a").then(
          () => codes.push("counted"),
          (error) => codes.push(error.code),
        );
        await vi.advanceTimersByTimeAsync(20);
        await hit;
      }
      expect(codes).toHaveLength(10);
      expect(codes).not.toContain("counted");
      expect(codes.at(-1)).toBe(code);
      expect(atomicUpdate).toHaveBeenCalledTimes(calls);
    } finally {
      vi.useRealTimers();
    }
  });

  it("leaves the decision to express-rate-limit", async () => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
    const store = toExpressRateLimitStore(failing(new Error("down")));
    expect(await answers({ store, passOnStoreError: true }, 1)).toEqual(["200 null"]);
    complaints.mockRestore();
  });
});

it("refuses unknown options, and a hit before init", async () => {
  expect(() => toExpressRateLimitStore(memoryStore(), { windowMs: 5 } as never)).toThrow(/UNKNOWN_OPTION/);
  await expect(toExpressRateLimitStore(memoryStore()).increment("a")).rejects.toThrow(/no windowMs/);
});
