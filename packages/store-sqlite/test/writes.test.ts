import { statSync } from "node:fs";
import { createLimiter, slidingLog, tokenBucket } from "@sluice/core";
import type { Admission } from "@sluice/core/store";
import { expect, it } from "vitest";
import { type OpenSqliteClient, type SqliteClient, sqliteStore } from "../src/index.js";
import { ask, openSeveral } from "./files.js";

const DAY_MS = 86_400_000;

async function open(): Promise<{ client: OpenSqliteClient; other: OpenSqliteClient; log: string }> {
  const { file, clients } = await openSeveral(2);
  const [client, other] = clients as [OpenSqliteClient, OpenSqliteClient];
  return { client, other, log: `${file}-wal` };
}

it("10,000 denials and peeks write nothing, and take no lock", async () => {
  const { client, other, log } = await open();
  const limiter = createLimiter({
    store: sqliteStore({ client }),
    policies: [tokenBucket({ rate: 1, burst: 1, interval: "1d" }), slidingLog({ name: "log", limit: 9, window: "1d" })],
    timeout: "20s",
    denyCache: false,
  });
  await limiter.consume("somebody");
  const before = { size: statSync(log).size, version: ask(other, "PRAGMA data_version") };
  // A call that took the lock would have to wait for this transaction.
  other.exec("BEGIN IMMEDIATE");
  for (let i = 0; i < 50; i++) {
    const decisions = await Promise.all([
      ...Array.from({ length: 100 }, () => limiter.consume("somebody")),
      ...Array.from({ length: 100 }, (_, key) => limiter.peek(`key ${key}`)),
    ]);
    expect(decisions.filter(({ source }) => source !== "store")).toEqual([]);
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100);
  }
  other.exec("ROLLBACK");
  expect({ size: statSync(log).size, version: ask(other, "PRAGMA data_version") }).toEqual(before);
});

/** A database that records its statements. */
function counted(client: OpenSqliteClient): SqliteClient & { readonly runs: string[] } {
  const runs: string[] = [];
  return {
    runs,
    exec(sql) {
      runs.push(sql);
      return client.exec(sql);
    },
    prepare(sql) {
      const statement = client.prepare(sql);
      return {
        all(...values) {
          runs.push(sql.slice(0, 6));
          return statement.all(...values);
        },
        run(...values) {
          runs.push(sql.slice(0, 6));
          return statement.run(...values);
        },
      };
    },
  };
}

it("calls of one turn share a transaction, which reads and writes each row once", async () => {
  const client = counted((await open()).client);
  const limiter = createLimiter({ store: sqliteStore({ client }), policies: tokenBucket({ rate: 100 }) });
  await limiter.consume("first");
  client.runs.length = 0;
  const calls = Array.from({ length: 64 }, (_, i) => limiter.consume(i % 2 === 0 ? "hot" : "warm"));
  expect((await Promise.all(calls)).filter(({ allowed }) => allowed)).toHaveLength(64);
  expect(client.runs.filter((sql) => sql !== "PRAGMA")).toEqual([
    "BEGIN DEFERRED",
    "SELECT",
    "SELECT",
    expect.stringContaining("WHERE FALSE"),
    "INSERT",
    "INSERT",
    "COMMIT",
  ]);
});

it("an entry is kept longer if a test sets the time", async () => {
  const { client } = await open();
  const policy = tokenBucket({ rate: 10 });
  const admission: Admission = { claims: [{ scope: "a:b:c:", key: "k", policy, cost: 1 }], charge: true };
  await sqliteStore({ client }).decide(admission, { nowMs: 1_000 });
  const keptMs = Number(ask(client, "SELECT expires_ms FROM sluice_entries")) - Date.now();
  expect(keptMs).toBeGreaterThan(3_500_000);
  expect(keptMs).toBeLessThan(3_700_000);
});

it("stores numbers up to 2^53 - 1 in columns, and anything else as JSON", async () => {
  const { client, other } = await open();
  const store = sqliteStore({ client });
  const most = Number.MAX_SAFE_INTEGER;
  const states = [
    [1, 0, null],
    [1, most, [most, -most, 0, 1, 2]],
    [1, 5, [7]],
    [1, 0, []],
    [1, 0, [1, 2, 3, 4, 5, 6]],
    [1, 0, [0.5]],
    [1, 0, [1e300]],
    [1, 0.5, [1]],
    [2, 0, [1]],
    [1, 0],
    { a: "b" },
    null,
    "text",
  ];
  for (const [i, state] of states.entries()) {
    await store.atomicUpdate(`key ${i}`, () => ({ state, ttlMs: DAY_MS }));
    expect(await sqliteStore({ client: other }).atomicUpdate(`key ${i}`, () => undefined)).toEqual(state);
  }
  expect(ask(client, "SELECT group_concat(key) FROM sluice_entries WHERE other IS NULL")).toBe("key 0,key 1,key 2");
});

it("stores an entry without an end until 2^53 - 1", async () => {
  const { client } = await open();
  await sqliteStore({ client }).atomicUpdate("k", () => ({ state: 1, ttlMs: Number.MAX_SAFE_INTEGER }));
  expect(ask(client, "SELECT expires_ms FROM sluice_entries")).toBe(Number.MAX_SAFE_INTEGER);
});

it.each([
  [true, 2],
  [false, 1],
  [undefined, 1],
])("with durable %s the connection's synchronous is %s", async (durable, synchronous) => {
  const { client } = await open();
  await sqliteStore({ client, durable }).healthCheck();
  expect(ask(client, "PRAGMA synchronous")).toBe(synchronous);
});

it("fails only the call whose state is not JSON", async () => {
  const { client } = await open();
  client.exec("INSERT INTO sluice_entries VALUES ('odd', 0, NULL, NULL, NULL, NULL, NULL, 'oops', 9007199254740991)");
  const store = sqliteStore({ client });
  const [odd, fine] = await Promise.allSettled([
    store.atomicUpdate("odd", () => undefined),
    store.atomicUpdate("fine", () => ({ state: 1, ttlMs: 1_000 })),
  ]);
  expect(odd).toMatchObject({ status: "rejected", reason: { code: "STORE_STATE_UNREADABLE" } });
  expect(fine).toEqual({ status: "fulfilled", value: 1 });
});

it("reports poor health and a reason for denials if the database cannot be written to", async () => {
  const { client } = await open();
  const store = sqliteStore({ client });
  await store.healthCheck();
  client.exec("PRAGMA query_only = ON");
  const failed = expect.objectContaining({ code: "STORE_FAILED", message: expect.stringContaining("readonly") });
  await expect(store.healthCheck()).rejects.toThrow(failed);
  const limiter = createLimiter({ store, policies: tokenBucket({ rate: 1 }) });
  expect(await limiter.consume("somebody")).toMatchObject({ source: "failClosed", error: failed });
  client.exec("PRAGMA query_only = OFF");
  expect((await limiter.consume("somebody")).source).toBe("store");
});
