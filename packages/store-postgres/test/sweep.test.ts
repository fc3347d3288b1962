import { spawn } from "node:child_process";
import { once } from "node:events";
import { beforeEach, expect, it, vi } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

describeDatabases(databases, ({ admin }) => {
  beforeEach(() => admin.query("TRUNCATE sluice_entries"));

  /** Inserts `count` expired entries and as many live ones. */
  async function fill(count: number): Promise<void> {
    await admin.query(
      `INSERT INTO sluice_entries (key, blocked_until_ms, expires_ms)
        SELECT 'entry ' || i, 0, CASE i % 2 WHEN 0 THEN 1 ELSE 4000000000000 END FROM generate_series(1, 2 * $1) i`,
      [count],
    );
  }

  async function left(): Promise<unknown> {
    const { rows } = await admin.query(
      "SELECT count(*) FILTER (WHERE expires_ms = 1)::int AS expired, count(*) FILTER (WHERE expires_ms > 1)::int AS live FROM sluice_entries WHERE key LIKE 'entry %'",
    );
    return rows[0];
  }

  it("removes expired entries up to its limit, and continues from there", async () => {
    await fill(25_000);
    const store = postgresStore({ client: admin });
    expect(await store.sweep()).toBe(1_000);
    expect(await left()).toEqual({ expired: 24_000, live: 25_000 });
    expect(await store.sweep({ limit: 20_000 })).toBe(20_000);
    expect(await store.sweep({ limit: 20_000 })).toBe(4_000);
    expect(await store.sweep({ limit: 20_000 })).toBe(0);
    expect(await left()).toEqual({ expired: 0, live: 25_000 });
  });

  it("removes nothing from an empty table", async () => {
    expect(await postgresStore({ client: admin }).sweep()).toBe(0);
  });

  it("reads a few pages at a time", async () => {
    await fill(25_000);
    const { rows } = await admin.query("EXPLAIN SELECT FROM sluice_entries WHERE ctid >= '(1,0)' AND ctid < '(9,0)'");
    expect(rows[0]["QUERY PLAN"]).toMatch(/Tid Range Scan/);
    const client = await admin.connect();
    const statements: string[] = [];
    const query = client.query.bind(client);
    // A client that counts the statements of the store.
    const counting = Object.assign(Object.create(client) as typeof client, {
      query: (...args: [never]) => {
        statements.push(JSON.stringify((args[0] as { values: unknown }).values));
        return query(...args) as never;
      },
    });
    expect(await postgresStore({ client: counting }).sweep({ limit: 100_000 })).toBe(25_000);
    expect(statements.slice(0, 2)).toEqual(['["0","128","100000"]', expect.stringMatching(/^\["128","128","\d+"\]$/)]);
    client.release();
  });

  it("skips rows that others have locked, without waiting", async () => {
    await fill(10);
    const client = await admin.connect();
    await client.query("BEGIN");
    await client.query("SELECT FROM sluice_entries WHERE key IN ('entry 2', 'entry 4') FOR UPDATE");
    expect(await postgresStore({ client: admin }).sweep()).toBe(8);
    await client.query("COMMIT");
    client.release();
    expect(await postgresStore({ client: admin }).sweep()).toBe(2);
    expect(await left()).toEqual({ expired: 0, live: 10 });
  });

  it("removes each row once, even if several processes sweep", async () => {
    await fill(5_000);
    const counts = await Promise.all(
      Array.from({ length: 5 }, () => postgresStore({ client: admin }).sweep({ limit: 5_000 })),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5_000);
  });

  it("is repeated at the configured interval until the store is closed", async () => {
    const errors: unknown[] = [];
    const store = postgresStore({ client: admin, sweepEvery: 20, onSweepError: (error) => errors.push(error) });
    for (let i = 0; i < 2; i++) {
      await fill(50);
      await vi.waitUntil(async () => ((await left()) as { expired: number }).expired === 0, { timeout: 5_000 });
      await admin.query("TRUNCATE sluice_entries");
    }
    await store.close();
    // One sweep may be running.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await admin.query("TRUNCATE sluice_entries");
    await fill(50);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { rows } = await admin.query("SELECT count(*)::int AS count FROM sluice_entries");
    expect(rows[0].count).toBe(100);
    expect(errors).toEqual([]);
  });

  it("continues by timer after the clock stepped back by a year", async () => {
    const yearMs = 31_536_000_000;
    const idle = postgresStore({ client: admin });
    const turn = [Date.now() + yearMs, 20];
    await idle.atomicUpdate("sluice:sweep", () => ({ state: turn, ttlMs: yearMs }), undefined);
    await fill(50);
    const store = postgresStore({ client: admin, sweepEvery: 20 });
    await vi.waitUntil(async () => ((await left()) as { expired: number }).expired === 0, { timeout: 5_000 });
    await store.close();
  });

  it("removes everything by timer, and only one of several processes sweeps at a time", async () => {
    await fill(3_500);
    let sweeps = 0;
    const stores = Array.from({ length: 8 }, () => {
      const pool = {
        totalCount: 0,
        query() {},
        async connect() {
          const client = await admin.connect();
          const query = client.query.bind(client);
          return Object.assign(Object.create(client) as typeof client, {
            query: (statement: { text: string }) => {
              if (statement.text.includes("sweep_1")) sweeps++;
              return query(statement as never) as never;
            },
          });
        },
      };
      return postgresStore({ client: pool as never, sweepEvery: 1_500 });
    });
    await vi.waitUntil(async () => ((await left()) as { expired: number }).expired === 0, { timeout: 5_000 });
    await Promise.all(stores.map((store) => store.close()));
    // 3,500 rows in steps of 1,000, in one turn.
    expect(sweeps).toBeGreaterThanOrEqual(4);
    expect(sweeps).toBeLessThanOrEqual(8);
  });

  it("reports a failed sweep by timer, and makes the next one", async () => {
    const errors: unknown[] = [];
    const store = postgresStore({
      client: admin,
      schema: "nowhere",
      sweepEvery: 5,
      onSweepError: (error) => errors.push(error),
    });
    await vi.waitUntil(() => errors.length >= 2, { timeout: 5_000 });
    await store.close();
    expect(errors[0]).toMatchObject({ code: "STORE_NOT_READY" });
  });

  it("decides without errors while the rows are swept", async () => {
    const stores = [postgresStore({ client: admin }), postgresStore({ client: admin })];
    const { createLimiter, fixedWindow } = await import("@sluice/core");
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

it("does not keep a process alive by its timer", async () => {
  const script = `
    import { postgresStore } from "@sluice/store-postgres";
    const client = { connect() {}, query() {}, totalCount: 0 };
    postgresStore({ client, sweepEvery: "1d" });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: import.meta.dirname,
    stdio: "inherit",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  expect(await once(child, "exit")).toEqual([0, null]);
  clearTimeout(timer);
});
