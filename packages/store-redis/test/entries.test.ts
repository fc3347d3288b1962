import { createLimiter, tokenBucket } from "@sluice/core";
import type { ExportedEntry } from "@sluice/core/store";
import { type RedisServer, startProxy, startRedis } from "@sluice/servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type RedisStore, redisStore } from "../src/index.js";
import { redisKey } from "../src/keys.js";

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
beforeEach(() => client.flushall());

async function listed(store: RedisStore): Promise<ExportedEntry[]> {
  const entries: ExportedEntry[] = [];
  for await (const entry of store.exportEntries()) entries.push(entry);
  return entries;
}

/** A policy so long that nothing expires during a test. */
const LONG = tokenBucket({ rate: 100, interval: "1d" });

const SCOPE = "sluice:default:token-bucket:";

it.each(["", "shop:", "*", "[a-z]*?\\^"])(
  "lists the entries of a client with the prefix %j, and no others",
  async (keyPrefix) => {
    const others = ["", "shop:", "x", "shop:b", "a*"].filter((other) => other !== keyPrefix);
    const clients = [...others, keyPrefix].map((each) => new Redis(server.port, { keyPrefix: each }));
    const stores = clients.map((each) => redisStore({ client: each }));
    try {
      for (const [i, store] of stores.entries()) {
        await createLimiter({ store, policies: LONG }).consume(`of "${clients[i]?.options.keyPrefix}"`);
      }
      const entries = await listed(stores.at(-1) as RedisStore);
      expect(entries.map(({ key }) => key)).toEqual([`${SCOPE}of "${keyPrefix}"`]);
    } finally {
      for (const each of clients) each.disconnect();
    }
  },
);

it("lists only the entries of a client that adds a prefix to every key", async () => {
  const [own, other] = ["own:", "other:"].map((keyPrefix) => new Redis(server.port, { keyPrefix })) as [Redis, Redis];
  try {
    for (const [key, each] of Object.entries({ own, other, none: client })) {
      await createLimiter({ store: redisStore({ client: each }), policies: LONG }).consume(key);
    }
    const store = redisStore({ client: own });
    const entries = await listed(store);
    expect(entries.map(({ key }) => key)).toEqual([`${SCOPE}own`]);
    expect(await store.importEntries(entries)).toEqual(entries);
  } finally {
    own.disconnect();
    other.disconnect();
  }
});

it("lists neither lanes nor keys of other programs", async () => {
  const store = redisStore({ client });
  await createLimiter({ store, policies: LONG }).consume("somebody");
  const known = redisKey(`${SCOPE}known`);
  await client.set("{0}other", "text", "PX", 60_000);
  await client.set(known.replace("known", "unknown"), "text", "PX", 60_000);
  await client.rpush(known, "a list");
  await client.pexpire(known, 60_000);
  await client.set(redisKey(`${SCOPE}for ever`), "1");
  expect((await client.keys("*#lane:*")).length).toBe(1);
  expect((await listed(store)).map(({ key }) => key)).toEqual([`${SCOPE}somebody`]);
});

it.each(["\u0001\u00e9", "no JSON"])("fails for an unreadable entry instead of skipping it: %j", async (value) => {
  await client.set(redisKey(`${SCOPE}somebody`), value, "PX", 60_000);
  await expect(listed(redisStore({ client }))).rejects.toMatchObject({ code: "STORE_STATE_UNREADABLE" });
});

it("reports the expiry of an entry by the server's clock, to the millisecond", async () => {
  const store = redisStore({ client });
  await createLimiter({ store, policies: tokenBucket({ rate: 1, interval: "90d" }) }).consume("somebody");
  const [entry] = await listed(store);
  const expiresAtMs = await client.pexpiretime(redisKey(`${SCOPE}somebody`));
  expect(Math.abs((entry?.expiresAtMs ?? 0) - expiresAtMs)).toBeLessThanOrEqual(2);
  await store.delete(`${SCOPE}somebody`);
  expect(await store.importEntries([entry as ExportedEntry])).toEqual([]);
  expect(Math.abs((await client.pexpiretime(redisKey(`${SCOPE}somebody`))) - expiresAtMs)).toBeLessThanOrEqual(2);
});

it("stores imported entries in the same form as decisions", async () => {
  const store = redisStore({ client });
  await createLimiter({ store, policies: tokenBucket({ rate: 3, interval: "1h" }) }).consume("somebody");
  const key = redisKey(`${SCOPE}somebody`);
  const before = await client.getBuffer(key);
  const entries = await listed(store);
  await client.del(key);
  await store.importEntries(entries);
  expect(await client.getBuffer(key)).toEqual(before);
});

it("a lost reply to an import causes an error, although the client resends the script", async () => {
  const proxy = await startProxy(server.port);
  const own = new Redis(proxy.port, { maxRetriesPerRequest: null });
  own.on("error", () => {});
  try {
    const store = redisStore({ client: own });
    const entryOf = (key: string): ExportedEntry => ({ key: SCOPE + key, state: 1, expiresAtMs: Date.now() + 60_000 });
    await store.importEntries([entryOf("warm")]);
    proxy.loseAnswer(0);
    await expect(store.importEntries([entryOf("a"), entryOf("b")])).rejects.toMatchObject({ code: "STORE_FAILED" });
    expect(proxy.lost).toBe(1);
    expect(await store.importEntries([entryOf("a"), entryOf("c")])).toEqual([
      expect.objectContaining({ key: `${SCOPE}a` }),
    ]);
  } finally {
    own.disconnect();
    await proxy.stop();
  }
});
