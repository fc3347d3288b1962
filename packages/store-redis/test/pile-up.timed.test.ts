import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter, fixedWindow, type Limiter, type LimiterOptions } from "@sluice/core";
import { type RedisServer, startProxy, startRedis, startRedisCluster } from "@sluice/servers";
import { Cluster, Redis } from "ioredis";
import { createClient } from "redis";
import { describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import type { Connection } from "./clients.js";

/** Both libraries with their default settings. They send every command, no matter how late. */
const plainClients: Readonly<Record<string, (port: number) => Promise<Connection>>> = {
  async ioredis(port) {
    const client = new Redis({ port, maxRetriesPerRequest: null });
    return { client, end: () => client.disconnect() };
  },
  async "node-redis"(port) {
    const client = createClient({ socket: { host: "127.0.0.1", port } });
    await client.connect();
    return { client, end: () => client.destroy() };
  },
};

const quiet: LimiterOptions["on"] = { storeError() {}, storeRecovered() {} };

/** Returns how many of these commands a server has run since its statistics were reset. */
async function ran(admin: Redis, ...names: readonly string[]): Promise<number> {
  const stats = await admin.info("commandstats");
  return [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)]
    .filter(([, name]) => names.includes(name as string))
    .reduce((sum, [, , calls]) => sum + Number(calls), 0);
}

async function withPaused(server: RedisServer, during: () => Promise<void>): Promise<void> {
  server.pause();
  try {
    await during();
  } finally {
    server.resume();
  }
}

/** Every kind of call that cannot share a script. */
const calls: readonly ((limiter: Limiter, key: string) => Promise<unknown>)[] = [
  (limiter, key) => limiter.peek(key),
  (limiter, key) => limiter.reset(key),
  (limiter, key) => limiter.block(key, "1m"),
  (limiter, key) => limiter.consume(key),
];

describe.each(Object.entries(plainClients))("a frozen Redis, with %s", (_, connect) => {
  it("gets few of 2,000 calls per second, all sent before the first timeout", async () => {
    const server = await startRedis();
    const admin = new Redis(server.port);
    const connection = await connect(server.port);
    try {
      const store = redisStore({ client: connection.client });
      const limiter = createLimiter({
        store,
        policies: fixedWindow({ limit: 10, window: "1h" }),
        timeout: 200,
        on: quiet,
      });
      for (const call of calls) await call(limiter, "warm");
      const decision = await limiter.consume("refunded");
      await admin.config("RESETSTAT");
      const answers: Promise<unknown>[] = [];
      await withPaused(server, async () => {
        for (let turn = 0; turn < 100; turn++) {
          for (let i = 0; i < 5; i++) {
            for (const call of calls) answers.push(call(limiter, `client ${turn * 5 + i}`).catch(() => {}));
          }
          if (turn === 20) answers.push(limiter.refund(decision).catch(() => {}));
          await sleep(10);
        }
        await Promise.all(answers);
      });
      await sleep(300);
      // The calls of the first moments, then a few batches of one call until the first timeout proves the silence, and
      // probes.
      expect(await ran(admin, "evalsha", "eval", "del")).toBeLessThan(100);
      expect((await limiter.consume("afterwards")).source).toBe("store");
    } finally {
      connection.end();
      admin.disconnect();
      await server.stop();
    }
  });
});

it("a frozen master of a cluster gets only a few calls, and the other masters decide", async () => {
  const cluster = await startRedisCluster({ masters: 3 });
  const client = new Cluster(cluster.ports.map((port) => ({ host: "127.0.0.1", port })));
  const frozen = cluster.nodes[0] as RedisServer;
  const admin = new Redis(frozen.port);
  for (const { port } of cluster.nodes) {
    // Without this, the other masters refuse all calls once they notice that a master is gone.
    const node = new Redis(port);
    await node.config("SET", "cluster-require-full-coverage", "no");
    node.disconnect();
  }
  try {
    const limiter = createLimiter({
      store: redisStore({ client }),
      policies: fixedWindow({ limit: 10, window: "1h" }),
      timeout: 200,
      on: quiet,
    });
    await Promise.all(Array.from({ length: 100 }, (_, i) => limiter.consume(`warm ${i}`)));
    await admin.config("RESETSTAT");
    const sources: Promise<string>[] = [];
    await withPaused(frozen, async () => {
      for (let turn = 0; turn < 80; turn++) {
        for (let i = 0; i < 10; i++) {
          sources.push(limiter.consume(`client ${turn * 10 + i}`).then(({ source }) => source));
        }
        await sleep(10);
      }
      const decided = (await Promise.all(sources)).filter((source) => source === "store").length;
      expect(decided).toBeGreaterThan(300);
    });
    await sleep(300);
    expect(await ran(admin, "evalsha", "eval")).toBeLessThan(100);
  } finally {
    client.disconnect();
    admin.disconnect();
    await cluster.stop();
  }
});

it.each([
  [110, 95],
  [150, 90],
  [180, 50],
])(
  "a Redis that answers in %i ms decides at least %i percent of 500 calls per second with a timeout of 200 ms",
  async (delayMs, percent) => {
    const server = await startRedis();
    const proxy = await startProxy(server.port);
    const client = new Redis(proxy.port);
    try {
      const policies = fixedWindow({ limit: 100_000, window: "1h" });
      const limiter = createLimiter({ store: redisStore({ client }), policies, timeout: 200, on: quiet });
      await limiter.consume("warm");
      proxy.delay(delayMs);
      const sources: Promise<string>[] = [];
      for (let turn = 0; turn < 120; turn++) {
        for (let i = 0; i < 5; i++) sources.push(limiter.consume("somebody").then(({ source }) => source));
        await sleep(10);
      }
      const decided = (await Promise.all(sources)).filter((source) => source === "store").length;
      expect(decided).toBeGreaterThanOrEqual((sources.length * percent) / 100);
    } finally {
      client.disconnect();
      await proxy.stop();
      await server.stop();
    }
  },
);

it("a Redis that answers in 110 ms gets all of 300 calls per second that cannot share a script", async () => {
  const server = await startRedis();
  const proxy = await startProxy(server.port);
  const client = new Redis(proxy.port);
  try {
    const store = redisStore({ client });
    await store.healthCheck();
    proxy.delay(110);
    const done: Promise<boolean>[] = [];
    for (let turn = 0; turn < 100; turn++) {
      for (let i = 0; i < 3; i++) {
        const deadlineMs = performance.now() + 200;
        const deleted = store.delete(`sluice:a:b:${turn} ${i}`, { deadlineMs });
        done.push(
          deleted.then(
            () => true,
            () => false,
          ),
        );
      }
      await sleep(10);
    }
    expect((await Promise.all(done)).filter(Boolean).length).toBeGreaterThan(250);
  } finally {
    client.disconnect();
    await proxy.stop();
    await server.stop();
  }
});
