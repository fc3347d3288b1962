import { setTimeout as sleep } from "node:timers/promises";
import {
  createLimiter,
  type Decision,
  fixedWindow,
  type Limiter,
  type LimiterOptions,
  tokenBucket,
} from "@sluice/core";
import { createBlocklist } from "@sluice/protections";
import { type PostgresServer, type RedisServer, startPostgres, startProxy, startRedis } from "@sluice/servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpenStoreOptions, openStore } from "../src/index.js";
import "./quiet-aws-sdk.js";

type Tcp = Awaited<ReturnType<typeof startProxy>>;

let redis: RedisServer;
let replica: RedisServer;
let postgres: PostgresServer;
let admin: Redis;
let adminOfReplica: Redis;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis({ args: ["--repl-diskless-sync-delay", "0"] }), startPostgres()]);
  replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(redis.port)] });
  admin = new Redis(redis.port);
  adminOfReplica = new Redis(replica.port);
});
afterAll(async () => {
  admin.disconnect();
  adminOfReplica.disconnect();
  await Promise.all([redis.stop(), replica.stop(), postgres.stop()]);
});

const policies = fixedWindow({ limit: 1_000_000, window: "1h" });

/** Opens the store through a proxy, and runs a test with a limiter on it. */
async function behindProxy(
  storage: string,
  { open = {}, ...options }: Partial<LimiterOptions> & { open?: OpenStoreOptions },
  test: (limiter: Limiter, proxy: Tcp) => Promise<void>,
): Promise<void> {
  const url = new URL(storage);
  const proxy = await startProxy(Number(url.port));
  url.port = String(proxy.port);
  const store = await openStore(url.href, open);
  try {
    const quiet = { storeError() {}, storeRecovered() {} };
    await test(createLimiter({ store, policies, on: quiet, ...options }), proxy);
  } finally {
    await store.close();
    await proxy.stop();
  }
}

/** Keeps sending requests until the store decides again. Returns how long this took, and all decisions. */
async function untilDecided(limiter: Limiter, key = "k"): Promise<{ ms: number; decisions: readonly Decision[] }> {
  const startMs = performance.now();
  const decisions: Decision[] = [];
  const asked: Promise<unknown>[] = [];
  while (!decisions.some(({ source }) => source === "store")) {
    if (performance.now() - startMs > 12_000) throw new Error("the store did not decide again within 12 s");
    asked.push(limiter.consume(key).then((decision) => decisions.push(decision)));
    await sleep(25);
  }
  const ms = performance.now() - startMs;
  await Promise.all(asked);
  return { ms, decisions };
}

describe("the client that openStore creates", () => {
  it.each([
    ["Redis", () => redis.url, {}],
    ["Postgres", () => postgres.url, { createSchema: true }],
  ])("closes silent connections to %s, and opens new ones", async (_name, storage, open) => {
    await behindProxy(storage(), { open }, async (limiter, proxy) => {
      // Opens several connections if the client has a pool.
      await Promise.all(Array.from({ length: 20 }, (_, i) => limiter.consume(`warm-${i}`)));
      proxy.freeze();
      const { ms } = await untilDecided(limiter);
      expect(ms).toBeLessThan(5_000);
      expect((await limiter.consume("k")).source).toBe("store");
    });
  });

  it("leaves a demoted Redis, and never admits more than the limit", async () => {
    const options = { policies: fixedWindow({ limit: 10, window: "1h" }), prefix: "demoted" };
    await behindProxy(redis.url, options, async (limiter, proxy) => {
      const before = await Promise.all(Array.from({ length: 4 }, () => limiter.consume("k")));
      await admin.wait(1, 2_000);
      await adminOfReplica.replicaof("NO", "ONE");
      await admin.replicaof("127.0.0.1", replica.port);
      proxy.redirect(replica.port);
      try {
        const { ms, decisions } = await untilDecided(limiter);
        expect(ms).toBeLessThan(5_000);
        const after = await Promise.all(Array.from({ length: 20 }, () => limiter.consume("k")));
        expect(after.every(({ source }) => source === "store")).toBe(true);
        const admitted = [...before, ...decisions, ...after].filter(({ allowed }) => allowed);
        expect(admitted.length).toBe(10);
      } finally {
        await admin.replicaof("NO", "ONE");
        await adminOfReplica.replicaof("127.0.0.1", redis.port);
      }
    });
  });

  it("decides again soon after an outage of several seconds", async () => {
    await behindProxy(redis.url, {}, async (limiter, proxy) => {
      expect((await limiter.consume("k")).source).toBe("store");
      // A port on which nothing listens.
      proxy.redirect(1);
      await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      const awayUntilMs = performance.now() + 2_500;
      while (performance.now() < awayUntilMs) {
        void limiter.consume("k");
        await sleep(25);
      }
      proxy.redirect(redis.port);
      expect((await untilDecided(limiter)).ms).toBeLessThan(2_000);
    });
  });

  it("uses custom settings", async () => {
    const open: OpenStoreOptions = { redis: { socketTimeout: 300, retryStrategy: () => 10 } };
    await behindProxy(redis.url, { open, timeout: 200 }, async (limiter, proxy) => {
      await limiter.consume("k");
      proxy.freeze();
      expect((await untilDecided(limiter)).ms).toBeLessThan(1_900);
    });
  });
});

it("a line of waiting callers is answered within one timeout when Redis freezes, and continues when it is back", async () => {
  const server = await startRedis();
  const store = await openStore(server.url);
  const options: LimiterOptions = {
    store,
    failOpen: true,
    timeout: 400,
    policies: tokenBucket({ rate: 100, burst: 1 }),
  };
  const limiter = createLimiter({ ...options, on: { storeError() {}, storeRecovered() {} } });
  try {
    await limiter.consume("k");
    await server.pause();
    const startMs = performance.now();
    const frozen = await Promise.all(Array.from({ length: 100 }, () => limiter.wait("k")));
    expect(performance.now() - startMs).toBeLessThan(750);
    expect(frozen.every(({ source }) => source === "failOpen")).toBe(true);
    await server.resume();
    await untilDecided(limiter, "other");
    const againMs = performance.now();
    const again = await Promise.all(Array.from({ length: 50 }, () => limiter.wait("k", { timeout: "10s" })));
    expect(again.every(({ source }) => source === "store")).toBe(true);
    expect(performance.now() - againMs).toBeGreaterThan(450);
    expect(performance.now() - againMs).toBeLessThan(3_000);
  } finally {
    await store.close();
    await server.stop();
  }
});

it("a call of a protection ends within its timeout, and leaves no queue, while Redis is silent", async () => {
  const proxy = await startProxy(redis.port);
  const store = await openStore(`redis://127.0.0.1:${proxy.port}`, { redis: { socketTimeout: 60_000 } });
  try {
    const blocklist = createBlocklist({ store, timeout: 200, staleFor: 1, breaker: false });
    await blocklist.findBlock("192.0.2.1");
    proxy.freeze();
    const calls = Array.from({ length: 300 }, async (_, i) => {
      await sleep(i * 4);
      const startMs = performance.now();
      await expect(blocklist.findBlock(`user-${i}`)).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
      return performance.now() - startMs;
    });
    const tookMs = await Promise.all(calls);
    // Calls that are sent are not rejected early. Calls that are never sent may be.
    expect(Math.max(...tookMs)).toBeLessThan(1_500);
    expect(Math.max(...tookMs)).toBeGreaterThanOrEqual(200);
  } finally {
    await store.close();
    await proxy.stop();
  }
});
