import { randomUUID } from "node:crypto";
import { fixedWindow, type Policy, slidingLog } from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import type { Admission, Claim, Outcome } from "@sluice/core/store";
import type pg from "pg";
import { beforeAll, expect, it, vi } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

const NOW_MS = 1_700_000_000_000;
const policy = fixedWindow({ limit: 10, window: "1h" });

/** Tests that decisions are correct if an entry changes between the read and the write. */
describeDatabases(databases, ({ admin }) => {
  const store = postgresStore({ client: admin });

  // Lets calls wait for the locks below even on a slow machine. locks.timed.test.ts tests what happens otherwise.
  beforeAll(async () => {
    for (const name of ["decide_2", "compare_and_set_2"]) {
      await admin.query(`ALTER FUNCTION sluice_entries_${name} SET lock_timeout = '20s'`);
    }
  });

  /** Calls with keys that no other test uses, and the rows of these keys. */
  function tools() {
    const prefix = randomUUID();
    const claim = (key: string, cost = 1, of: Policy = policy): Claim => ({
      scope: scopeOf(prefix, of),
      key,
      policy: of,
      cost,
    });
    const ask = (...claims: Claim[]): Promise<Outcome> => {
      const admission: Admission = { claims, charge: true };
      return store.decide(admission, { nowMs: NOW_MS });
    };
    const rowKey = (key: string, of: Policy = policy): string => scopeOf(prefix, of) + key;
    const used = async (): Promise<Record<string, number>> => {
      const { rows } = await admin.query(
        "SELECT key, cells[2]::int AS used FROM sluice_entries WHERE starts_with(key, $1)",
        [prefix],
      );
      return Object.fromEntries(rows.map(({ key, used }) => [key.split(":").at(-1), used]));
    };
    return { claim, ask, rowKey, used };
  }

  /** Waits until a call of the store waits for a lock. */
  async function untilWaiting(): Promise<void> {
    await vi.waitUntil(
      async () => {
        const { rows } = await admin.query(
          "SELECT count(*)::int AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%sluice_entries_%'",
        );
        return rows[0].count > 0;
      },
      { timeout: 10_000, interval: 5 },
    );
  }

  /** Runs `change` in a transaction that commits once the calls wait for it. */
  async function meanwhile<T>(
    change: (client: pg.PoolClient) => Promise<unknown>,
    calls: () => Promise<T>,
  ): Promise<T> {
    const client = await admin.connect();
    try {
      await client.query("BEGIN");
      await change(client);
      const result = calls();
      await untilWaiting();
      await client.query("COMMIT");
      return await result;
    } finally {
      client.release();
    }
  }

  const setUsed = (key: string, used: number) => (client: pg.PoolClient) =>
    client.query("UPDATE sluice_entries SET cells[2] = $2 WHERE key = $1", [key, used]);

  const insert = (key: string, used: number) => (client: pg.PoolClient) =>
    client.query("INSERT INTO sluice_entries VALUES ($1, 0, ARRAY[$2::bigint, $3::bigint], NULL, 4000000000000)", [
      key,
      NOW_MS,
      used,
    ]);

  const remove = (key: string) => (client: pg.PoolClient) =>
    client.query("DELETE FROM sluice_entries WHERE key = $1", [key]);

  it("decides again on an entry that another process charged", async () => {
    const { claim, ask, rowKey, used } = tools();
    await ask(claim("k", 2));
    const outcomes = await meanwhile(setUsed(rowKey("k"), 5), () =>
      Promise.all([ask(claim("k", 4)), ask(claim("k", 2)), ask(claim("k", 1)), ask(claim("new", 3))]),
    );
    expect(outcomes.map(({ allowed, findings }) => [allowed, findings[0]?.remaining])).toEqual([
      [true, 1],
      [false, 1],
      [true, 0],
      [true, 7],
    ]);
    expect(await used()).toEqual({ k: 10, new: 3 });
  });

  it("does not charge other entries if another process exhausted one", async () => {
    const { claim, ask, rowKey, used } = tools();
    const other = fixedWindow({ name: "other", limit: 10, window: "1h" });
    await ask(claim("k", 2), claim("old", 4, other));
    const { rows: before } = await admin.query("SELECT * FROM sluice_entries WHERE key = $1", [rowKey("old", other)]);
    const outcomes = await meanwhile(setUsed(rowKey("k"), 10), () =>
      Promise.all([
        ask(claim("k"), claim("old", 3, other)),
        ask(claim("k"), claim("new", 3, other)),
        ask(claim("free", 1)),
        ask(claim("free", 2, other)),
      ]),
    );
    expect(outcomes.map(({ allowed, findings }) => [allowed, ...findings.map(({ remaining }) => remaining)])).toEqual([
      [false, 0, 6],
      [false, 0, 10],
      [true, 9],
      [true, 8],
    ]);
    expect(await used()).toEqual({ k: 10, old: 4, free: expect.any(Number) });
    const { rows: after } = await admin.query("SELECT * FROM sluice_entries WHERE key = $1", [rowKey("old", other)]);
    expect(after).toEqual(before);
  });

  it("decides again on an entry that another process inserted", async () => {
    const { claim, ask, rowKey, used } = tools();
    const outcomes = await meanwhile(insert(rowKey("k"), 9), () =>
      Promise.all([ask(claim("a")), ask(claim("k")), ask(claim("k")), ask(claim("z"))]),
    );
    expect(outcomes.map(({ allowed }) => allowed)).toEqual([true, true, false, true]);
    expect(await used()).toEqual({ a: 1, k: 10, z: 1 });
  });

  it("decides again on an entry that another process removed", async () => {
    const { claim, ask, rowKey, used } = tools();
    await ask(claim("k", 8));
    const outcomes = await meanwhile(remove(rowKey("k")), () => Promise.all([ask(claim("a")), ask(claim("k", 2))]));
    expect(outcomes.map(({ allowed, findings }) => [allowed, findings[0]?.remaining])).toEqual([
      [true, 9],
      [true, 8],
    ]);
    expect(await used()).toEqual({ a: 1, k: 2 });
  });

  it("fails only for an entry that a later release wrote", async () => {
    const { claim, ask, rowKey, used } = tools();
    await ask(claim("k", 2));
    const [unreadable, readable] = await meanwhile(
      (client) => client.query("UPDATE sluice_entries SET other = '[2]' WHERE key = $1", [rowKey("k")]),
      () => Promise.allSettled([ask(claim("k")), ask(claim("a"))]),
    );
    expect(unreadable).toMatchObject({ status: "rejected", reason: { code: "STORE_STATE_UNREADABLE" } });
    expect(readable).toMatchObject({ status: "fulfilled", value: { allowed: true } });
    expect(await used()).toEqual({ k: 2, a: 1 });
  });

  it("decides again on a log that another process extended", async () => {
    const { claim, ask, rowKey } = tools();
    const log = slidingLog({ limit: 10, window: "1h" });
    await ask(claim("k", 3, log));
    const [first, second] = await meanwhile(
      (client) =>
        client.query("UPDATE sluice_entries SET cells = ARRAY[$2::bigint, 5] || cells WHERE key = $1", [
          rowKey("k", log),
          NOW_MS - 7,
        ]),
      () => Promise.all([ask(claim("k", 2, log)), ask(claim("k", 1, log))]),
    );
    expect([first?.allowed, second?.allowed]).toEqual([true, false]);
    const { rows } = await admin.query("SELECT cells::text FROM sluice_entries WHERE key = $1", [rowKey("k", log)]);
    expect(rows[0].cells).toBe(`{${NOW_MS - 7},5,${NOW_MS},5}`);
  });

  it("reads the time of a decision again after the wait", async () => {
    const { claim, rowKey } = tools();
    const clock = async () =>
      (await admin.query("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now")).rows[0].now;
    const admission = { claims: [claim("k")], charge: true };
    await store.decide(admission);
    const client = await admin.connect();
    await client.query("BEGIN");
    await setUsed(rowKey("k"), 5)(client);
    const asked = store.decide(admission);
    await untilWaiting();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = Number(await clock());
    await client.query("COMMIT");
    client.release();
    const { allowed, nowMs } = await asked;
    expect(allowed).toBe(true);
    expect(nowMs).toBeGreaterThanOrEqual(Math.floor(before));
  });

  it("repeats an update on the new state if it lost a race", async () => {
    const { claim, ask, rowKey, used } = tools();
    await ask(claim("k", 2));
    let calls = 0;
    await meanwhile(setUsed(rowKey("k"), 6), () =>
      store.atomicUpdate<[1, number, [number, number]]>(rowKey("k"), (entry) => {
        calls++;
        const [version, blockedUntilMs, [startMs, units]] = entry as [1, number, [number, number]];
        return { state: [version, blockedUntilMs, [startMs, units + 1]], ttlMs: 60_000 };
      }),
    );
    expect(calls).toBe(2);
    expect(await used()).toEqual({ k: 7 });
  });
});
