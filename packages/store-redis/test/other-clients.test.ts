import { createLimiter, fixedWindow, slidingLog, tokenBucket } from "@sluice/core";
import type { ExportedEntry } from "@sluice/core/store";
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from "@sluice/servers";
import { Redis as UpstashRedis } from "@upstash/redis";
import { GlideClient, GlideClusterClient, Logger } from "@valkey/valkey-glide";
import { Redis } from "ioredis";
import IoredisFour from "ioredis4";
import { createClient as createClient4, createCluster as createCluster4 } from "redis4";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { customRedisClient, type RedisClient, type RedisStore, redisStore } from "../src/index.js";
import { flushAll } from "./clients.js";
import { startUpstash } from "./upstash-server.js";

// This client logs each script that the server does not know yet.
Logger.setLoggerConfig("off");

let server: RedisServer;
let cluster: RedisCluster;
let admin: Redis;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startRedisCluster({ masters: 3 })]);
  admin = new Redis(server.port);
});
afterAll(async () => {
  admin.disconnect();
  await Promise.all([server.stop(), cluster.stop()]);
});
beforeEach(() => admin.flushall());

interface Opened {
  readonly client: RedisClient;
  end(): unknown;
}

/** The clients, created by the code in the README. */
const clients: Readonly<Record<string, () => Promise<Opened>>> = {
  async "@upstash/redis"() {
    const rest = await startUpstash(server.port);
    const redis = new UpstashRedis({ url: rest.url, token: rest.token, automaticDeserialization: false, retry: false });
    const client = customRedisClient({
      evalsha: (sha1, keys, args) => redis.evalsha(sha1, keys, args),
      eval: (script, keys, args) => redis.eval(script, keys, args),
      del: (key) => redis.del(key),
    });
    return { client, end: () => rest.stop() };
  },
  async "@valkey/valkey-glide"() {
    const glide = await GlideClient.createClient({
      addresses: [{ host: "127.0.0.1", port: server.port }],
      requestTimeout: 5_000,
    });
    const client = customRedisClient({
      evalsha: (sha1, keys, args) => glide.customCommand(["EVALSHA", sha1, String(keys.length), ...keys, ...args]),
      eval: (script, keys, args) => glide.customCommand(["EVAL", script, String(keys.length), ...keys, ...args]),
      del: (key) => glide.del([key]),
    });
    return { client, end: () => glide.close() };
  },
  async "@valkey/valkey-glide on a cluster"() {
    const addresses = cluster.ports.map((port) => ({ host: "127.0.0.1", port }));
    const glide = await GlideClusterClient.createClient({ addresses, requestTimeout: 5_000 });
    const client = customRedisClient({
      evalsha: (sha1, keys, args) => glide.customCommand(["EVALSHA", sha1, String(keys.length), ...keys, ...args]),
      eval: (script, keys, args) => glide.customCommand(["EVAL", script, String(keys.length), ...keys, ...args]),
      del: (key) => glide.del([key]),
    });
    return { client, end: () => glide.close() };
  },
  async "ioredis 4"() {
    const client = new IoredisFour(server.port);
    return { client, end: () => client.disconnect() };
  },
  async "ioredis 4 on a cluster"() {
    const client = new IoredisFour.Cluster(cluster.ports.map((port) => ({ host: "127.0.0.1", port })));
    return { client, end: () => client.disconnect() };
  },
  async "redis 4"() {
    const client = createClient4({ url: server.url });
    await client.connect();
    return { client, end: () => client.disconnect() };
  },
  async "redis 4 on a cluster"() {
    const rootNodes = cluster.ports.map((port) => ({ socket: { host: "127.0.0.1", port } }));
    const client = createCluster4({ rootNodes });
    await client.connect();
    return { client, end: () => client.disconnect() };
  },
  async "three functions that return text for numbers, and Buffers for text"() {
    const odd = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(odd);
      return typeof value === "number" ? String(value) : typeof value === "string" ? Buffer.from(value) : value;
    };
    const client = customRedisClient({
      evalsha: async (sha1, keys, args) => odd(await admin.evalsha(sha1, keys.length, ...keys, ...args)),
      eval: async (script, keys, args) => odd(await admin.eval(script, keys.length, ...keys, ...args)),
      del: async (key) => odd(await admin.del(key)),
    });
    return { client, end() {} };
  },
};

describe.each(Object.entries(clients))("%s", (name, open) => {
  let opened: Opened;
  let store: RedisStore;
  beforeAll(async () => {
    opened = await open();
    store = redisStore({ client: opened.client });
    await flushAll(server.port, ...cluster.ports);
  });
  afterAll(() => opened.end());

  it("grants exactly what the policies allow, for many concurrent calls and many keys", async () => {
    const policies = [
      tokenBucket({ name: "bucket", rate: 12, interval: "1h" }),
      fixedWindow({ name: "window", limit: 10, window: "1h" }),
      slidingLog({ name: "log", limit: 11, window: "1h" }),
    ];
    const limiter = createLimiter({ store, policies, timeout: "10s" });
    const decisions = await Promise.all(
      Array.from({ length: 40 }, (_, i) => Array.from({ length: 15 }, () => limiter.consume(`client ${i}`))).flat(),
    );
    expect(new Set(decisions.map(({ source }) => source))).toEqual(new Set(["store"]));
    const denied = decisions.filter(({ allowed }) => !allowed);
    expect(denied.length).toBe(200);
    for (const { retryAfterMs = 0 } of denied) {
      expect(retryAfterMs).toBeGreaterThan(3_500_000);
      expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
    }
  });

  it("refunds, blocks and resets", async () => {
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 10, window: "1h" }), timeout: "10s" });
    const decision = await limiter.consume("somebody", { cost: 4 });
    expect(await limiter.refund(decision)).toBe(true);
    expect((await limiter.peek("somebody")).remaining).toBe(10);
    await limiter.block("somebody", "1m");
    expect((await limiter.consume("somebody")).allowed).toBe(false);
    await limiter.reset("somebody");
    expect((await limiter.consume("somebody")).allowed).toBe(true);
  });

  it("decides after the server has forgotten its scripts", async () => {
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 10, window: "1h" }), timeout: "10s" });
    await limiter.consume("forgotten");
    for (const { port } of [server, ...cluster.nodes]) {
      const one = new Redis(port);
      await one.script("FLUSH");
      one.disconnect();
    }
    expect(await limiter.consume("forgotten")).toMatchObject({ source: "store", remaining: 8 });
  });

  it("imports entries, and lists them if one script call sees all keys of a server", async () => {
    const entries: ExportedEntry[] = Array.from({ length: 40 }, (_, i) => ({
      key: `sluice:moved:fixed-window:${i}`,
      state: [1, 0, [Date.now(), i]],
      expiresAtMs: Date.now() + 600_000,
    }));
    expect(await store.importEntries(entries)).toEqual([]);
    expect((await store.importEntries(entries)).length).toBe(40);
    const listed: string[] = [];
    const list = async () => {
      for await (const { key } of store.exportEntries()) if (key.includes(":moved:")) listed.push(key);
    };
    if (name === "@valkey/valkey-glide on a cluster") {
      await expect(list()).rejects.toMatchObject({ code: "NOT_LISTABLE" });
    } else {
      await list();
      expect(listed.sort()).toEqual(entries.map(({ key }) => key).sort());
    }
  });
});
