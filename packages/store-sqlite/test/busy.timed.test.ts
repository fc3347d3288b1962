import { setTimeout as sleep } from "node:timers/promises";
import { fixedWindow } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import type { Admission, ExportedEntry } from "@sluice/core/store";
import { describe, expect, it } from "vitest";
import { createSchema, type OpenSqliteClient, type SqliteClient, sqliteStore } from "../src/index.js";
import { openClient } from "./clients.mjs";
import { ask, openSeveral } from "./files.js";

const policy = fixedWindow({ limit: 10, window: "1d" });
const scope = scopeOf("busy", policy);

function charge(key: string, cost = 1): Admission {
  return { claims: [{ scope, key, policy, cost }], charge: true };
}

async function openTwo(): Promise<[own: OpenSqliteClient, other: OpenSqliteClient]> {
  const { clients } = await openSeveral(2);
  return clients as [OpenSqliteClient, OpenSqliteClient];
}

describe("while another connection holds the write lock", () => {
  it("a grant waits for the lock, and is charged once", async () => {
    const [own, other] = await openTwo();
    const store = sqliteStore({ client: own });
    other.exec("BEGIN IMMEDIATE");
    const asked = [store.decide(charge("somebody")), store.decide(charge("somebody", 2))];
    const settled: unknown[] = [];
    for (const call of asked) void call.then((outcome) => settled.push(outcome));
    await sleep(50);
    expect(settled).toEqual([]);
    other.exec("COMMIT");
    const outcomes = await Promise.all(asked);
    expect(outcomes.map(({ allowed, findings }) => [allowed, findings[0]?.remaining])).toEqual([
      [true, 9],
      [true, 7],
    ]);
    expect(ask(other, "SELECT c2 FROM sluice_entries")).toBe(3);
  });

  it("a call whose deadline passes rejects in time, and is not charged when the lock is free", async () => {
    const [own, other] = await openTwo();
    const store = sqliteStore({ client: own });
    other.exec("BEGIN IMMEDIATE");
    const startMs = performance.now();
    const late = store.decide(charge("somebody"), { deadlineMs: performance.now() + 60 });
    const update = store.atomicUpdate("somebody", () => ({ state: 1, ttlMs: 1_000 }), {
      deadlineMs: performance.now() + 60,
    });
    const patient = store.decide(charge("somebody"), { deadlineMs: performance.now() + 20_000 });
    for (const call of [late, update]) {
      await expect(call).rejects.toThrow(
        expect.objectContaining({ code: "STORE_TIMEOUT", message: expect.stringContaining("lock") }),
      );
    }
    expect(performance.now() - startMs).toBeLessThan(1_000);
    other.exec("COMMIT");
    expect((await patient).findings[0]?.remaining).toBe(9);
    expect(ask(other, "SELECT count(*) FROM sluice_entries")).toBe(1);
    expect(ask(other, "SELECT c2 FROM sluice_entries")).toBe(1);
  });

  it("denials, peeks and reads never wait, even behind a waiting grant", async () => {
    const [own, other] = await openTwo();
    const store = sqliteStore({ client: own });
    await store.decide(charge("full", 10));
    other.exec("BEGIN IMMEDIATE");
    let granted = false;
    const grant = store.decide(charge("fresh")).then((outcome) => {
      granted = true;
      return outcome;
    });
    const first = store.decide(charge("full"));
    expect((await first).allowed).toBe(false);
    expect((await store.decide(charge("full"))).allowed).toBe(false);
    expect((await store.decide({ ...charge("fresh"), charge: false })).allowed).toBe(true);
    expect(await store.atomicUpdate(`${scope}full`, () => undefined)).toMatchObject([1, 0, [expect.any(Number), 10]]);
    await store.delete("nothing");
    expect(granted).toBe(false);
    other.exec("COMMIT");
    expect((await grant).allowed).toBe(true);
  });

  it("the event loop keeps running, even if the client has a busy timeout", async () => {
    const [own, other] = await openTwo();
    own.exec("PRAGMA busy_timeout = 5000");
    const store = sqliteStore({ client: own });
    other.exec("BEGIN IMMEDIATE");
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await expect(store.decide(charge("somebody"), { deadlineMs: performance.now() + 200 })).rejects.toThrow(/lock/);
    clearInterval(timer);
    other.exec("COMMIT");
    expect(turns).toBeGreaterThan(10);
  });

  it("createSchema waits for the lock", async () => {
    const [own, other] = await openTwo();
    other.exec("BEGIN IMMEDIATE");
    const migrating = createSchema(own, { table: "another" });
    await sleep(30);
    other.exec("COMMIT");
    await migrating;
    expect(ask(own, "SELECT count(*) FROM another")).toBe(0);
  });
});

/** A database that calls `happens` just before a matching statement. */
function interrupted(client: OpenSqliteClient, statement: RegExp, happens: () => void): SqliteClient {
  return {
    prepare: (sql) => client.prepare(sql),
    exec(sql) {
      if (statement.test(sql)) happens();
      return client.exec(sql);
    },
  };
}

describe("between the read and the lock", () => {
  it("a write of another process is included, since the decision is made again", async () => {
    const [own, other] = await openTwo();
    await sqliteStore({ client: own }).decide(charge("somebody", 9));
    let times = 0;
    const client = interrupted(own, /WHERE FALSE/, () => {
      if (times++ === 0) other.exec("UPDATE sluice_entries SET c2 = 10");
    });
    const store = sqliteStore({ client });
    expect((await store.decide(charge("somebody"))).allowed).toBe(false);
    expect(times).toBe(1);
    expect(ask(other, "SELECT c2 FROM sluice_entries")).toBe(10);
  });

  it("denials are kept, and calls that relied on a cancelled charge are repeated", async () => {
    const [own, other] = await openTwo();
    await sqliteStore({ client: own }).decide(charge("full", 10));
    await sqliteStore({ client: own }).decide(charge("somebody", 9));
    const client = interrupted(own, /WHERE FALSE/, () => {
      other.exec("UPDATE sluice_entries SET c2 = 8");
    });
    const store = sqliteStore({ client });
    const calls = [charge("full"), charge("somebody"), charge("somebody")].map((call) => store.decide(call));
    const outcomes = await Promise.all(calls);
    // The read denied the second call for "somebody", because of the first one's charge, which was then cancelled.
    expect(outcomes.map(({ allowed }) => allowed)).toEqual([false, true, true]);
    expect(ask(other, `SELECT c2 FROM sluice_entries WHERE key = '${scope}somebody'`)).toBe(10);
  });

  it("a full disk fails the call, and nothing is charged", async () => {
    const [own, other] = await openTwo();
    const failing = interrupted(own, /COMMIT/, () => {
      throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL", rawCode: 13 });
    });
    const store = sqliteStore({ client: failing });
    await expect(store.decide(charge("somebody"))).rejects.toThrow(
      expect.objectContaining({ code: "STORE_FAILED", message: expect.stringContaining("disk is full") }),
    );
    expect(ask(other, "SELECT count(*) FROM sluice_entries")).toBe(0);
    expect((await sqliteStore({ client: own }).decide(charge("somebody"))).allowed).toBe(true);
  });
});

describe("a client in a transaction of the app", () => {
  it.each(["first", "later"])("is waited for, and its transaction is not changed, on the %s use", async (use) => {
    const [own] = await openTwo();
    const store = sqliteStore({ client: own });
    if (use === "later") await store.healthCheck();
    own.exec("CREATE TABLE mine (a); BEGIN; INSERT INTO mine VALUES (1)");
    const waiting = store.decide(charge("somebody"));
    await expect(store.decide(charge("somebody"), { deadlineMs: performance.now() + 30 })).rejects.toThrow(
      expect.objectContaining({ code: "STORE_TIMEOUT", message: expect.stringContaining("use a separate database") }),
    );
    own.exec("INSERT INTO mine VALUES (2); COMMIT");
    expect((await waiting).findings[0]?.remaining).toBe(9);
    expect(ask(own, "SELECT count(*) FROM mine")).toBe(2);
  });
});

it("accepts a client that returns whole numbers as bigint", async () => {
  const { file } = await openSeveral(1);
  const client = await openClient("libsql", file);
  (client as unknown as { defaultSafeIntegers(on: boolean): void }).defaultSafeIntegers(true);
  const store = sqliteStore({ client });
  await store.decide(charge("somebody", 4));
  expect((await store.decide(charge("somebody", 4))).findings[0]?.remaining).toBe(2);
  expect(await store.sweep()).toBe(0);
  const entries: ExportedEntry[] = [];
  for await (const entry of store.exportEntries()) entries.push(entry);
  expect(entries).toEqual([
    { key: `${scope}somebody`, state: [1, 0, [expect.any(Number), 8]], expiresAtMs: expect.any(Number) },
  ]);
  client.close();
});
