import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createLimiter, type Decision, fixedWindow, type Policy, slidingWindow, tokenBucket } from "@sluice/core";
import { startRedis } from "@sluice/servers";
import { redisStore } from "@sluice/store-redis";
import { rateLimit } from "express-rate-limit";
import { Redis } from "ioredis";
import { RedisStore } from "rate-limit-redis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { createClient } from "redis";
import { addresses, randomVisits } from "../keys.js";
import { HOUR_MS, HOUR_S, LIMIT } from "../limit.js";
import { concurrentRate, cycle } from "../rate.js";
import type { Case, Suite } from "../suite.js";
import { keyedMiddleware } from "./middleware.js";

const CALLERS = 64;
const KEYS = 10_000;

const bucket = tokenBucket({ rate: LIMIT, interval: HOUR_MS });

/** The functions of a case on its connection. */
interface Asker<T> {
  ask(key: string): Promise<T>;
  isRight(answer: T): boolean;
  /** Adds keys to the empty keyspace before a measurement. */
  fill?(keys: readonly string[]): Promise<unknown>;
}

interface Connection<C> {
  readonly client: C;
  flush(): Promise<unknown>;
  close(): void;
}

async function ioredis(url: string, enableAutoPipelining = false): Promise<Connection<Redis>> {
  const client = new Redis(url, { enableAutoPipelining, lazyConnect: true });
  await client.connect();
  return { client, flush: () => client.flushall(), close: () => client.disconnect() };
}

type NodeRedis = ReturnType<typeof nodeRedisClient>;

function nodeRedisClient(url: string) {
  return createClient({ url });
}

async function nodeRedis(url: string): Promise<Connection<NodeRedis>> {
  const client = nodeRedisClient(url);
  await client.connect();
  return { client, flush: () => client.flushAll(), close: () => client.destroy() };
}

function pipelined(url: string): Promise<Connection<Redis>> {
  return ioredis(url, true);
}

function redisCase<C, T>(
  id: string,
  name: string,
  connect: (url: string) => Promise<Connection<C>>,
  make: (client: C) => Asker<T> | Promise<Asker<T>>,
  keyCount: number = KEYS,
): Case {
  return {
    id,
    name,
    unit: "decisions/s",
    async start({ durationMs, context: { url = "" } }) {
      const { client, flush, close } = await connect(url);
      const { ask, isRight, fill } = await make(client);
      const keys = addresses(keyCount);
      const visits = cycle(randomVisits(keys));
      return {
        async run() {
          await flush();
          await fill?.(keys);
          return concurrentRate(CALLERS, durationMs, visits, ask, isRight);
        },
        async stop() {
          close();
        },
      };
    },
  };
}

function sluice(client: Redis | NodeRedis, policies: Policy | Policy[]): Asker<Decision> {
  const { consume } = createLimiter({ store: redisStore({ client }), policies, timeout: "10s" });
  return { ask: (key) => consume(key), isRight: ({ allowed, source }) => allowed && source === "store" };
}

function flexible(client: Redis | NodeRedis, useRedisPackage: boolean): Asker<{ remainingPoints: number }> {
  const peer = new RateLimiterRedis({ storeClient: client, points: LIMIT, duration: HOUR_S, useRedisPackage });
  return { ask: (key) => peer.consume(key), isRight: ({ remainingPoints }) => remainingPoints > 0 };
}

function counterStore(client: Redis): RedisStore {
  return new RedisStore({ sendCommand: (command, ...args) => client.call(command, ...args) as Promise<number[]> });
}

function middleware(client: Redis): Asker<unknown> {
  const decide = keyedMiddleware((keyGenerator, handler) =>
    rateLimit({
      windowMs: HOUR_MS,
      limit: LIMIT,
      store: counterStore(client),
      keyGenerator,
      handler,
      standardHeaders: false,
      legacyHeaders: false,
      validate: false,
    }),
  );
  return {
    ask: (key) => new Promise((resolve) => decide(key, resolve)),
    isRight: (error) => error === undefined,
  };
}

async function counter(client: Redis): Promise<Asker<{ totalHits: number }>> {
  const store = counterStore(client);
  await store.init({ windowMs: HOUR_MS } as Parameters<RedisStore["init"]>[0]);
  return { ask: (key) => store.increment(key), isRight: ({ totalHits }) => totalHits <= LIMIT };
}

function get(client: Redis): Asker<string | null> {
  return {
    ask: (key) => client.get(key),
    isRight: (value) => value !== null,
    fill: (keys) => client.mset(keys.flatMap((key) => [key, "[1,0,[1763760000123,55,100,60000,1763760000000]]"])),
  };
}

const cases: readonly Case[] = [
  redisCase("redis.sluice", "Sluice on ioredis", ioredis, (client) => sluice(client, bucket)),
  redisCase("redis.sluice.node-redis", "Sluice on node-redis", nodeRedis, (client) => sluice(client, bucket)),
  redisCase("redis.sluice.hot", "Sluice on ioredis, one key", ioredis, (client) => sluice(client, bucket), 1),
  redisCase("redis.sluice.three", "Sluice on ioredis, three policies at once", ioredis, (client) =>
    sluice(client, [
      tokenBucket({ name: "bucket", rate: LIMIT, interval: HOUR_MS }),
      fixedWindow({ name: "fixed", limit: LIMIT, window: HOUR_MS }),
      slidingWindow({ name: "sliding", limit: LIMIT, window: HOUR_MS }),
    ]),
  ),
  redisCase("redis.rate-limiter-flexible", "rate-limiter-flexible on ioredis", ioredis, (client) =>
    flexible(client, false),
  ),
  redisCase(
    "redis.rate-limiter-flexible.pipelined",
    "rate-limiter-flexible on ioredis with auto-pipelining",
    pipelined,
    (client) => flexible(client, false),
  ),
  redisCase("redis.rate-limiter-flexible.node-redis", "rate-limiter-flexible on node-redis", nodeRedis, (client) =>
    flexible(client, true),
  ),
  redisCase("redis.express-rate-limit", "express-rate-limit, its middleware, on ioredis", ioredis, middleware),
  redisCase("redis.rate-limit-redis", "rate-limit-redis, its counter alone, on ioredis", ioredis, counter),
  redisCase(
    "redis.rate-limit-redis.pipelined",
    "rate-limit-redis, its counter alone, on ioredis with auto-pipelining",
    pipelined,
    counter,
  ),
  redisCase("redis.get", "GET on ioredis", ioredis, get),
  redisCase("redis.get.pipelined", "GET on ioredis with auto-pipelining", pipelined, get),
];

async function redisVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)("redis-server", ["--version"]);
  return /v=(\S+)/.exec(stdout)?.[1] ?? stdout.trim();
}

export const redis: Suite = {
  name: "redis",
  rounds: 5,
  durationMs: 2_000,
  packages: ["ioredis", "redis", "rate-limiter-flexible", "express-rate-limit", "rate-limit-redis"],
  cases,
  ratios: [
    { id: "redis.peer", of: "redis.sluice", against: ["redis.rate-limiter-flexible", "redis.express-rate-limit"] },
    { id: "redis.peer.pipelined", of: "redis.sluice", against: ["redis.rate-limiter-flexible.pipelined"] },
    { id: "redis.counter", of: "redis.sluice", against: ["redis.rate-limit-redis"] },
    {
      id: "redis.peer.node-redis",
      of: "redis.sluice.node-redis",
      against: ["redis.rate-limiter-flexible.node-redis"],
    },
    { id: "redis.floor", of: "redis.sluice", against: ["redis.get"] },
    { id: "redis.floor.pipelined", of: "redis.sluice", against: ["redis.get.pipelined"] },
  ],
  async setUp() {
    const server = await startRedis();
    try {
      return {
        context: { url: server.url },
        versions: { "redis-server": await redisVersion() },
        stop: server.stop,
      };
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};
