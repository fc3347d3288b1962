import { spawn } from "node:child_process";
import { once } from "node:events";
import { createLimiter, fixedWindow } from "@sluice/core";
import { describe, expect, it, vi } from "vitest";
import { type OpenSqliteClient, sqliteStore } from "../src/index.js";
import { ask, openSeveral } from "./files.js";

const DAY_MS = 86_400_000;

async function openOne(): Promise<OpenSqliteClient> {
  const { clients } = await openSeveral(1);
  return clients[0] as OpenSqliteClient;
}

/** Inserts `count` expired rows and as many live ones, alternately. */
function fill(client: OpenSqliteClient, count: number): void {
  client.exec(`
    WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      INSERT INTO sluice_entries (key, blocked_until_ms, other, expires_ms)
        SELECT printf('%s %06d', 'expired', i), 0, '1', 1 FROM n
          UNION ALL SELECT printf('%s %06d', 'living', i), 0, '1', ${Date.now() + DAY_MS} FROM n;
    UPDATE sluice_entries SET key = substr(key, -6) || key`);
}

function left(client: OpenSqliteClient): unknown[] {
  return ["expired", "living"].map((name) =>
    ask(client, `SELECT count(*) FROM sluice_entries WHERE key LIKE '%${name}%'`),
  );
}

describe("sweep", () => {
  it("removes all expired entries, and no others, in as many calls as the limit requires", async () => {
    const client = await openOne();
    fill(client, 2_300);
    const store = sqliteStore({ client });
    const removed: number[] = [];
    do removed.push(await store.sweep());
    while (removed.at(-1) === 1_000);
    expect(removed).toEqual([1_000, 1_000, 300]);
    expect(left(client)).toEqual([0, 2_300]);
    expect(await store.sweep()).toBe(0);
  });

  it("continues where the last call ended, and starts over at the end", async () => {
    const client = await openOne();
    fill(client, 1_000);
    const store = sqliteStore({ client });
    expect(await store.sweep({ limit: 7 })).toBe(7);
    expect(ask(client, "SELECT min(key) FROM sluice_entries WHERE key LIKE '%expired%'")).toBe("000008expired 000008");
    expect(await store.sweep({ limit: 600 })).toBe(600);
    client.exec("INSERT INTO sluice_entries (key, blocked_until_ms, expires_ms) VALUES ('000000expired', 0, 1)");
    expect(await store.sweep({ limit: 2_000 })).toBe(394);
    expect(left(client)).toEqual([0, 1_000]);
  });

  it("takes no lock if nothing has expired", async () => {
    const { clients } = await openSeveral(2);
    const [client, other] = clients as [OpenSqliteClient, OpenSqliteClient];
    const store = sqliteStore({ client });
    await store.atomicUpdate("key", () => ({ state: 1, ttlMs: DAY_MS }));
    other.exec("BEGIN IMMEDIATE");
    expect(await store.sweep()).toBe(0);
    other.exec("ROLLBACK");
  });

  it("keeps an entry that a call of the same turn writes again", async () => {
    const client = await openOne();
    fill(client, 10);
    const store = sqliteStore({ client });
    const key = "000005expired 000005";
    const [, removed, after] = await Promise.all([
      store.atomicUpdate(key, () => ({ state: "again", ttlMs: DAY_MS })),
      store.sweep(),
      store.atomicUpdate("000006expired 000006", (state) => ({ state: [state ?? "none"], ttlMs: DAY_MS })),
    ]);
    expect([removed, after]).toEqual([9, ["none"]]);
    expect(await store.atomicUpdate(key, () => undefined)).toBe("again");
    expect(left(client)).toEqual([2, 10]);
  });

  it("does not affect decisions for rows whose limiters are active", async () => {
    const { clients } = await openSeveral(2);
    const stores = clients.map((client) => sqliteStore({ client }));
    const limiters = stores.map((store) =>
      createLimiter({ store, policies: fixedWindow({ limit: 1_000_000, window: 2 }), timeout: "20s" }),
    );
    let done = false;
    let swept = 0;
    const sweeping = (async () => {
      while (!done) swept += await (stores[0] as (typeof stores)[number]).sweep();
    })();
    await Promise.all(
      Array.from({ length: 20 }, async (_, caller) => {
        for (let i = 0; i < 100; i++) {
          const { error } = await (limiters[i % 2] as (typeof limiters)[number]).consume(`key ${caller}`);
          if (error !== undefined) throw error;
        }
      }),
    );
    done = true;
    await sweeping;
    expect(swept).toBeGreaterThan(0);
  });
});

describe("sweepEvery", () => {
  it("removes everything, and only one of several stores sweeps at a time", async () => {
    const { clients } = await openSeveral(8);
    const [client] = clients as [OpenSqliteClient];
    fill(client, 3_500);
    let deletes = 0;
    const stores = clients.map((one) =>
      sqliteStore({
        client: {
          exec: (sql) => one.exec(sql),
          prepare(sql) {
            const statement = one.prepare(sql);
            return {
              all: (...values) => statement.all(...values),
              run(...values) {
                // The row of the turn is deleted too if a turn takes longer than the interval.
                if (sql.startsWith("DELETE") && values[0] !== "#sweep") deletes++;
                return statement.run(...values);
              },
            };
          },
        },
        sweepEvery: 400,
      }),
    );
    await vi.waitUntil(() => left(client)[0] === 0, { timeout: 10_000 });
    expect(deletes).toBe(3_500);
    await Promise.all(stores.map((store) => store.close()));
    expect(left(client)).toEqual([0, 3_500]);
    // The turn itself is not an entry.
    expect(ask(client, "SELECT count(*) FROM sluice_entries WHERE key = '#sweep'")).toBe(1);
    let entries = 0;
    for await (const { key } of sqliteStore({ client }).exportEntries()) {
      expect(key).not.toContain("sweep");
      entries++;
    }
    expect(entries).toBe(3_500);
  });

  it("continues after the clock stepped back by a year", async () => {
    const client = await openOne();
    const turns = () => ask(client, "SELECT count(*) FROM sluice_entries WHERE key = '#sweep'");
    vi.useFakeTimers({ now: Date.now() + 365 * DAY_MS, toFake: ["Date"] });
    const before = sqliteStore({ client, sweepEvery: 50 });
    try {
      await vi.waitUntil(() => turns() === 1, { timeout: 10_000 });
      await before.close();
    } finally {
      vi.useRealTimers();
    }
    client.exec("INSERT INTO sluice_entries (key, blocked_until_ms, expires_ms) VALUES ('000000expired', 0, 1)");
    const store = sqliteStore({ client, sweepEvery: 50 });
    await vi.waitUntil(() => left(client)[0] === 0, { timeout: 10_000 });
    await store.close();
  });

  it("reports a failed sweep, makes the next one, and ends with the store", async () => {
    const client = await openOne();
    const errors: unknown[] = [];
    const store = sqliteStore({
      client,
      table: "nowhere",
      sweepEvery: 5,
      onSweepError: (error) => errors.push(error),
    });
    await vi.waitUntil(() => errors.length >= 2, { timeout: 5_000 });
    await store.close();
    expect(errors[0]).toMatchObject({ code: "STORE_NOT_READY" });
    await expect(store.sweep()).rejects.toThrow(expect.objectContaining({ code: "CLOSED" }));
    expect(ask(client, "SELECT 1")).toBe(1);
  });

  it("does not keep a process alive", async () => {
    const script = `
      import { sqliteStore } from "@sluice/store-sqlite";
      sqliteStore({ client: { prepare() {}, exec() {} }, sweepEvery: "1d" });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
      stdio: "inherit",
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    expect(await once(child, "exit")).toEqual([0, null]);
    clearTimeout(timer);
  });
});
