import { createLimiter, fixedWindow, type Limiter } from "@sluice/core";
import { type RedisServer, startRedis } from "@sluice/servers";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, it } from "vitest";
import { shardedStore } from "../src/index.js";

let servers: RedisServer[];
let clients: Redis[];
let store: ReturnType<typeof openStore>;

function openStore() {
  return shardedStore(
    clients.map((client) => redisStore({ client })),
    { names: ["one", "two", "three"] },
  );
}

beforeEach(async () => {
  servers = await Promise.all([startRedis(), startRedis(), startRedis()]);
  clients = servers.map(({ port }) => new Redis(port, { maxRetriesPerRequest: null }));
  for (const client of clients) client.on("error", () => {});
  store = openStore();
});
afterEach(async () => {
  for (const client of clients) client.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
});

const KEYS = Array.from({ length: 60 }, (_, i) => `client ${i}`);
const policies = fixedWindow({ limit: 100, window: "1h" });

/** The keys on the second server. */
async function keysOfSecond(): Promise<Set<string>> {
  const keys = await (clients[1] as Redis).keys("*:fixed-window:*");
  return new Set(keys.map((key) => key.slice(key.lastIndexOf(":") + 1)));
}

async function sources(limiter: Limiter): Promise<Map<string, string>> {
  const decisions = await Promise.all(KEYS.map((key) => limiter.consume(key)));
  return new Map(KEYS.map((key, i) => [key, decisions[i]?.source as string]));
}

it.each([
  ["freezes", (server: RedisServer) => server.pause()],
  ["is killed", (server: RedisServer) => server.kill()],
])("if a server %s, only its keys are decided without the store", async (_, fail) => {
  const closed = createLimiter({ store, policies, timeout: 1_500 });
  const open = createLimiter({ store, policies, timeout: 1_500, failOpen: true });
  expect(new Set((await sources(closed)).values())).toEqual(new Set(["store"]));
  const lost = await keysOfSecond();
  expect(lost.size).toBeGreaterThan(5);
  expect(lost.size).toBeLessThan(40);
  await fail(servers[1] as RedisServer);
  for (const [limiter, without] of [
    [closed, "failClosed"],
    [open, "failOpen"],
  ] as const) {
    const found = await sources(limiter);
    for (const [key, source] of found) expect([key, source]).toEqual([key, lost.has(key) ? without : "store"]);
  }
});

it("decides all keys again when the server is back", async () => {
  const limiter = createLimiter({ store, policies, timeout: 1_500 });
  await sources(limiter);
  servers[1]?.pause();
  expect(new Set((await sources(limiter)).values())).toEqual(new Set(["store", "failClosed"]));
  servers[1]?.resume();
  let found = await sources(limiter);
  for (let tries = 0; tries < 20 && new Set(found.values()).size > 1; tries++) found = await sources(limiter);
  expect(new Set(found.values())).toEqual(new Set(["store"]));
});

it("names the servers that are down", async () => {
  const ports = servers.map(({ port }) => port);
  const impatient = ports.map((port) => new Redis(port, { maxRetriesPerRequest: 1 }));
  for (const client of impatient) client.on("error", () => {});
  clients.push(...impatient);
  const store = shardedStore(
    impatient.map((client) => redisStore({ client })),
    { names: ["one", "two", "three"] },
  );
  await expect(store.healthCheck()).resolves.toBeUndefined();
  await servers[1]?.kill();
  const check = store.healthCheck();
  await expect(check).rejects.toMatchObject({ code: "STORE_FAILED" });
  await expect(check).rejects.toThrow(/1 of 3 shards failed: "two"/);
});
