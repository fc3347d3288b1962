import { createHash } from "node:crypto";
import { type AttributeValue, GetItemCommand, paginateScan } from "@aws-sdk/client-dynamodb";
import { createLimiter, fixedWindow, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { storedKeys } from "@sluice/core/store";
import { afterAll, expect, it } from "vitest";
import { type Place, placeOf } from "../src/place.js";
import { serverWithTable, TABLE } from "./server.js";

const { client, openStore } = await serverWithTable();

const keys = storedKeys(createHash);

function placeOfEntry(entryKey: string): Place {
  const { scope, key } = keys.ofEntryKey(entryKey);
  return placeOf(scope + key);
}

type Item = Record<string, AttributeValue>;

async function itemOf(pk: string): Promise<Item> {
  const { Item = {} } = await client.send(new GetItemCommand({ TableName: TABLE, Key: { pk: { S: pk } } }));
  return Item;
}

afterAll(async () => {
  let items = 0;
  for await (const { Items = [] } of paginateScan({ client }, { TableName: TABLE })) {
    for (const item of Items) {
      items++;
      expect(item.expiresAt?.N, JSON.stringify(item)).toMatch(/^\d{10,}$/);
    }
  }
  expect(items).toBeGreaterThan(0);
});

it("all policies of a key are stored in one readable item", async () => {
  const policies = [
    tokenBucket({ name: "burst", rate: 7, interval: "1s", burst: 50 }),
    fixedWindow({ name: "hourly", limit: 100, window: "1h" }),
    slidingWindow({ name: "daily", limit: 1_000, window: "1d" }),
    slidingLog({ name: "exact", limit: 5, window: "1m" }),
  ];
  const nowMs = 1_700_000_000_000;
  const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("nothing sleeps here")) };
  const limiter = createLimiter({ store: openStore().store, policies, prefix: "api", clock, timeout: "5s" });
  await limiter.consume("192.0.2.1", { cost: 2 });
  await limiter.consume("192.0.2.1", { cost: 3 });
  const { expiresAt, ...item } = await itemOf("key:api:192.0.2.1");
  expect(item).toEqual({
    pk: { S: "key:api:192.0.2.1" },
    "burst:token-bucket": {
      M: {
        // In units of 1/7 of a millisecond. A token takes 1000 of them.
        t: { N: String(1_700_000_000_000n * 7n + 5n * 1_000n) },
        r: { N: "7" },
        i: { N: "1000" },
        s: { N: "1700000000000" },
      },
    },
    "hourly:fixed-window": { M: { u: { N: "5" }, s: { N: "1700000000000" }, w: { N: "3600000" } } },
    "daily:sliding-window": { M: { j: { S: "[1,0,[1700000000000,0,5]]" }, x: { N: "1700172800000" } } },
    "exact:sliding-log": { M: { g: { S: "loyw3v28:5" }, x: { N: "1700000060000" } } },
  });
  expect(expiresAt?.N).toMatch(/^\d{10}$/);
});

it.each([
  ["token bucket", tokenBucket({ rate: 10, interval: 2_500, burst: 10 }), 2_500],
  ["fixed window", fixedWindow({ limit: 10, window: 90_000 }), 90_000],
  ["sliding window", slidingWindow({ limit: 10, window: "90d" }), 180 * 86_400_000],
  ["sliding log", slidingLog({ limit: 10, window: 50 }), 50],
])("the item of a %s expires one minute after its state, in whole seconds", async (name, policies, lifeMs) => {
  const limiter = createLimiter({ store: openStore().store, policies, prefix: "ttl", timeout: "5s" });
  const beforeMs = Date.now();
  await limiter.consume(name);
  const afterMs = Date.now();
  const expiresAtS = Number((await itemOf(`key:ttl:${name}`)).expiresAt?.N);
  expect(expiresAtS).toBeGreaterThanOrEqual((beforeMs + lifeMs) / 1_000 + 60);
  expect(expiresAtS).toBeLessThanOrEqual((afterMs + lifeMs) / 1_000 + 61);
});

it("a short policy does not shorten the lifetime that a long policy or a block needs", async () => {
  const long = fixedWindow({ name: "long", limit: 10, window: "30d" });
  const short = tokenBucket({ name: "short", rate: 10, interval: "1s" });
  const expiresAtS = async () => Number((await itemOf("key:lives:somebody")).expiresAt?.N);
  await createLimiter({ store: openStore().store, policies: long, prefix: "lives", timeout: "5s" }).consume("somebody");
  const longS = await expiresAtS();
  for (const { store } of [openStore(), openStore()]) {
    await createLimiter({ store, policies: short, prefix: "lives", timeout: "5s" }).consume("somebody");
    expect(await expiresAtS()).toBe(longS);
  }
  await createLimiter({ store: openStore().store, policies: long, prefix: "lives", timeout: "5s" }).block(
    "somebody",
    "60d",
  );
  const blockedS = await expiresAtS();
  expect(blockedS).toBeGreaterThan(longS);
  await createLimiter({ store: openStore().store, policies: short, prefix: "lives", timeout: "5s" }).consume(
    "somebody",
  );
  expect(await expiresAtS()).toBe(blockedS);
});

it("the expiry is renewed from time to time, not with every decision", async () => {
  const { store } = openStore();
  const policies = tokenBucket({ rate: 1_000, interval: "1s" });
  const realNow = Date.now;
  const seen = new Set<number>();
  try {
    for (let s = 0; s < 200; s += 2) {
      Date.now = () => realNow() + s * 1_000;
      const beforeMs = Date.now();
      await createLimiter({ store, policies, prefix: "moves", timeout: "5s" }).consume("somebody");
      const expiresAtS = Number((await itemOf("key:moves:somebody")).expiresAt?.N);
      expect(expiresAtS).toBeGreaterThanOrEqual((beforeMs + 1_000) / 1_000);
      seen.add(expiresAtS);
    }
  } finally {
    Date.now = realNow;
  }
  expect(seen.size).toBeLessThanOrEqual(5);
  expect(seen.size).toBeGreaterThan(1);
});

it("a state that is not a policy's is dead when its time is over, before DynamoDB deletes it", async () => {
  const { store } = openStore();
  await store.atomicUpdate("short", () => ({ state: { a: 1 }, ttlMs: 5 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(Object.keys(await itemOf("state:short"))).toContain("state");
  expect(await openStore().store.atomicUpdate("short", () => undefined)).toBeUndefined();
});

it("a reset removes a policy's state, and does not create a missing item", async () => {
  const policies = tokenBucket({ rate: 10 });
  const limiter = createLimiter({ store: openStore().store, policies, prefix: "reset", timeout: "5s" });
  await limiter.reset("nobody");
  expect(await itemOf("key:reset:nobody")).toEqual({});
  await limiter.consume("somebody");
  await limiter.reset("somebody");
  expect(Object.keys(await itemOf("key:reset:somebody")).sort()).toEqual(["expiresAt", "pk"]);
  const { store } = openStore();
  await store.atomicUpdate("other", () => ({ state: 1, ttlMs: 60_000 }));
  await store.delete("other");
  expect(await itemOf("state:other")).toEqual({});
});

it("a log of a hundred grants takes less than a kilobyte, so it costs one write unit", async () => {
  const { store } = openStore();
  const policies = slidingLog({ limit: 1_000, window: "1h" });
  let nowMs = Date.now();
  const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("nothing sleeps here")) };
  const limiter = createLimiter({ store, policies, prefix: "size", clock, timeout: "5s" });
  for (let i = 0; i < 100; i++) {
    await limiter.consume("somebody");
    nowMs += 1_234;
  }
  expect(JSON.stringify(await itemOf("key:size:somebody")).length).toBeLessThan(700);
  expect((await limiter.peek("somebody")).remaining).toBe(900);
});

it.each([
  [
    "plain:a:token-bucket:somebody",
    { pk: "key:plain:somebody", attribute: "a:token-bucket", algorithm: "token-bucket" },
  ],
  ["p%3A:a%25:fixed-window:x:y", { pk: "key:p%3A:x:y", attribute: "a%25:fixed-window", algorithm: "fixed-window" }],
  ["p:a:own:somebody", { pk: "state:p:a:own:somebody", attribute: "state", algorithm: undefined }],
  ["debounce:somebody", { pk: "state:debounce:somebody", attribute: "state", algorithm: undefined }],
  [
    "\ud800:a:token-bucket:x",
    { pk: expect.stringMatching(/^state:#[0-9a-f]{64}$/), attribute: "state", algorithm: undefined },
  ],
])("the entry %j is stored in the right item and attribute", (entryKey, place) => {
  expect(placeOfEntry(entryKey)).toEqual(place);
});

it("no partition key is longer than DynamoDB allows", () => {
  for (const text of ["k", "é", "😀", "\ud800", "€"]) {
    for (const length of [1, 100, 500, 512, 600, 5_000]) {
      for (const scope of ["p:n:token-bucket:", `${"p".repeat(128)}:${"n".repeat(128)}:sliding-log:`, "other:"]) {
        expect(Buffer.byteLength(placeOfEntry(scope + text.repeat(length)).pk)).toBeLessThanOrEqual(2_048);
      }
    }
  }
});
