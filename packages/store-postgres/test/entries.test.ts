import { createLimiter, fixedWindow } from "@sluice/core";
import type { ExportedEntry } from "@sluice/core/store";
import { expect, it } from "vitest";
import { type PostgresStore, postgresStore } from "../src/index.js";
import { describeDatabases, openPool, startDatabases } from "./database.js";

const databases = await startDatabases({ settings: { deadlock_timeout: "100ms" } });

async function listed(store: PostgresStore): Promise<ExportedEntry[]> {
  const entries: ExportedEntry[] = [];
  for await (const entry of store.exportEntries()) entries.push(entry);
  return entries;
}

function entriesOf(prefix: string, count: number): ExportedEntry[] {
  const nowMs = Date.now();
  return Array.from({ length: count }, (_, i) => ({
    key: `${prefix}:default:fixed-window:${i}`,
    state: [1, 0, [nowMs, i]],
    expiresAtMs: nowMs + 3_600_000,
  }));
}

describeDatabases(databases, ({ server, admin }) => {
  it("lists entries page by page, even past expired ones, and leaves out the entry of the sweep turn", async () => {
    const store = postgresStore({ client: admin, sweepEvery: "1d" });
    await admin.query("TRUNCATE sluice_entries");
    await admin.query(`INSERT INTO sluice_entries (key, blocked_until_ms, cells, expires_ms)
      SELECT 'a' || n, 0, NULL, 1 FROM generate_series(1, 3000) n`);
    await store.atomicUpdate("sluice:sweep", () => ({ state: 0, ttlMs: 60_000 }));
    const entries = entriesOf("b", 2_000);
    expect(await store.importEntries(entries)).toEqual([]);
    expect((await listed(store)).sort((a, b) => Number(a.key.slice(23)) - Number(b.key.slice(23)))).toEqual(entries);
    await store.close();
  });

  it("stores imported entries in the columns that decisions read", async () => {
    const store = postgresStore({ client: admin });
    const limiter = createLimiter({ store, prefix: "c", policies: fixedWindow({ limit: 9, window: "1h" }) });
    await limiter.consume("somebody");
    const row = async () =>
      (await admin.query("SELECT blocked_until_ms, cells, other, expires_ms FROM sluice_entries WHERE key LIKE 'c:%'"))
        .rows;
    const before = await row();
    const entries = (await listed(store)).filter(({ key }) => key.startsWith("c:"));
    await limiter.reset("somebody");
    await store.importEntries(entries);
    expect(await row()).toEqual(before);
    expect(before[0].cells).toHaveLength(2);
  });

  it("imports entries while others sweep, decide and import the same ones, without deadlocks or losses", async () => {
    const pools = Array.from({ length: 3 }, () => openPool(server, { max: 3 }));
    const stores = pools.map((client) => postgresStore({ client }));
    const [first, second, third] = stores as [PostgresStore, PostgresStore, PostgresStore];
    const limiter = createLimiter({
      store: third,
      prefix: "d",
      policies: fixedWindow({ limit: 1_000_000, window: "1h" }),
      timeout: "20s",
    });
    const entries = entriesOf("d", 500);
    for (let round = 0; round < 24; round++) {
      await admin.query("DELETE FROM sluice_entries WHERE key LIKE 'd:%'");
      await admin.query(`INSERT INTO sluice_entries (key, blocked_until_ms, cells, expires_ms)
        SELECT 'd:default:fixed-window:' || n, 0, NULL, 1 FROM generate_series(0, 499) n WHERE n % 3 > 0`);
      const [left, right, decisions] = await Promise.all([
        first.importEntries(entries),
        second.importEntries(entries.toReversed()),
        Promise.all(entries.map((_, i) => limiter.consume(String(i), { cost: 1_000 }))),
        third.sweep(),
      ]);
      for (const { error } of decisions) if (error !== undefined) throw error;
      const used = new Map((await listed(third)).map(({ key, state }) => [key, (state as [1, 0, number[]])[2][1]]));
      for (const [i, entry] of entries.entries()) {
        // The first process wrote the entry. Then the charge was added, and the other processes left it unchanged.
        const wasFirst = !(left.includes(entry) && right.includes(entry));
        expect([entry.key, used.get(entry.key)]).toEqual([entry.key, wasFirst ? i + 1_000 : 1_000]);
        expect(left.includes(entry) || right.includes(entry)).toBe(true);
      }
    }
    const { rows } = await admin.query("SELECT sum(deadlocks)::int AS count FROM pg_stat_database");
    expect(rows[0].count).toBe(0);
  }, 60_000);
});
