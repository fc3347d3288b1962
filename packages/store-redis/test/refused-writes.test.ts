import { createLimiter, fixedWindow, type Limiter, tokenBucket } from "@sluice/core";
import { type RedisServer, startRedis } from "@sluice/servers";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";

let server: RedisServer;
let client: Redis;
let limiter: Limiter;

const policies = [
  fixedWindow({ name: "window", limit: 3, window: "1h" }),
  tokenBucket({ name: "bucket", rate: 5, interval: "1h" }),
];

beforeEach(async () => {
  server = await startRedis();
  client = new Redis(server.port);
  limiter = createLimiter({ store: redisStore({ client }), policies, failOpen: true });
  await limiter.consume("exhausted", { cost: 3 });
  await limiter.consume("half used", { cost: 2 });
  await limiter.block("blocked", "1h");
});
afterEach(async () => {
  client.disconnect();
  await server.stop();
});

describe.each([
  ["a read-only replica", (redis: Redis) => redis.replicaof("127.0.0.1", 1), /READONLY/],
  ["a server without memory", (redis: Redis) => redis.config("SET", "maxmemory", "1"), /OOM/],
] as const)("%s", (_, refuse, message) => {
  it("denies exhausted and blocked keys, and fails only admissions that need a charge", async () => {
    await refuse(client);
    const [exhausted, fresh, blocked, known, again] = await Promise.all(
      ["exhausted", "never seen", "blocked", "half used", "exhausted"].map((key) => limiter.consume(key)),
    );
    for (const decision of [exhausted, blocked, again]) {
      expect(decision).toMatchObject({ allowed: false, source: "store" });
    }
    for (const decision of [fresh, known]) {
      expect(decision).toMatchObject({ allowed: true, source: "failOpen", error: { code: "STORE_FAILED" } });
      expect(String(decision?.error)).toMatch(message);
    }
    // The refused charge has no effect, not even on other answers of the batch.
    expect((await limiter.peek("half used")).policies.map(({ remaining }) => remaining)).toEqual([1, 3]);
  });

  it("decides on an entry that it cannot repair", async () => {
    const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("nothing sleeps here")) };
    let nowMs = 1_700_000_000_000;
    const store = redisStore({ client });
    const timed = createLimiter({ store, policies, clock, failOpen: true });
    await timed.consume("somebody", { cost: 3 });
    await refuse(client);
    nowMs -= 86_400_000;
    const denied = { allowed: false, source: "store", retryAfterMs: 3_600_000 };
    expect(await timed.consume("somebody")).toMatchObject(denied);
    expect(await timed.peek("somebody")).toMatchObject(denied);
  });
});

it("charges again as soon as the server accepts writes", async () => {
  await client.config("SET", "maxmemory", "1");
  expect((await limiter.consume("half used")).source).toBe("failOpen");
  await client.config("SET", "maxmemory", "0");
  expect(await limiter.consume("half used")).toMatchObject({ allowed: true, source: "store", remaining: 0 });
  expect(await limiter.consume("half used")).toMatchObject({ allowed: false, source: "store" });
});

it.each([2 ** 53 - 1, 2 ** 53 - 3, 2 ** 52 + 1])("counts a cost of %i to the last unit", async (cost) => {
  const largest = createLimiter({
    store: redisStore({ client }),
    policies: fixedWindow({ name: "largest", limit: cost, window: "1h" }),
  });
  expect(await largest.consume("somebody", { cost })).toMatchObject({ allowed: true, remaining: 0 });
  expect(await largest.consume("somebody")).toMatchObject({ allowed: false, remaining: 0 });
});
