import { startRedis } from "@sluice/servers";
import { memoryStore } from "@sluice/store-memory";
import { redisStore } from "@sluice/store-redis";
import { absent, modelStore, storeSuite, threeMethodsOf } from "@sluice/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, it } from "vitest";
import { shardedStore } from "../src/index.js";

const runner = { describe, it, beforeAll, afterAll };

const inMemory = {
  shared: absent("each store has its own memory"),
  ownClock: absent("its clock is this process's"),
  otherProcess: absent("memory is not shared"),
  checksHealth: absent("nothing can be down"),
  unreachable: absent("nothing can be down"),
  interruptible: absent("nothing can be down"),
} as const;

describe("three stores in memory", () => {
  storeSuite(runner, () => shardedStore([memoryStore(), memoryStore(), memoryStore()]), {
    ...inMemory,
    decides: true,
    exportsEntries: true,
    importsEntries: true,
  });
});

describe("stores with three methods", () => {
  storeSuite(runner, () => shardedStore([threeMethodsOf(modelStore()), threeMethodsOf(modelStore())]), {
    ...inMemory,
    decides: absent("the shards do not"),
    exportsEntries: absent("the shards do not"),
    importsEntries: absent("the shards do not"),
    operations: 500,
  });
});

const servers = await Promise.all(Array.from({ length: 5 }, () => startRedis()));
const clients: Redis[] = [];
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
});

/** Opens a store with a separate connection. */
function openRedis(port: number) {
  const client = new Redis(port, { maxRetriesPerRequest: null });
  client.on("error", () => {});
  clients.push(client);
  return redisStore({ client });
}

const [first, second, third, ...spares] = servers.map(({ port }) => port) as [number, number, number, number, number];

describe("three Redis servers", () => {
  storeSuite(runner, () => shardedStore([first, second, third].map(openRedis)), {
    decides: true,
    shared: true,
    ownClock: true,
    otherProcess: {
      module: new URL("./process-store.mjs", import.meta.url),
      setting: () => [first, second, third].join(),
    },
    exportsEntries: true,
    importsEntries: true,
    checksHealth: true,
    unreachable: () => shardedStore([1, 2].map(openRedis)),
    interruptible: () => ({
      store: shardedStore(spares.map(openRedis)),
      interrupt: async () => {
        for (const server of servers.slice(3)) server.pause();
      },
      restore: async () => {
        for (const server of servers.slice(3)) server.resume();
      },
    }),
    operations: 2_000,
  });
});

describe("memory and Redis", () => {
  storeSuite(runner, () => shardedStore([memoryStore(), openRedis(first)]), {
    ...inMemory,
    decides: true,
    exportsEntries: true,
    importsEntries: true,
    checksHealth: true,
    operations: 500,
    skip: { import: "a digested key may belong to either, and one of them accepts it" },
  });
});
