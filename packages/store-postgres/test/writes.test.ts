import { createLimiter, fixedWindow, type Limiter, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import type pg from "pg";
import { expect, it } from "vitest";
import { createSchema, type PostgresStoreOptions, postgresStore } from "../src/index.js";
import { describeDatabases, openPool, startDatabases } from "./database.js";

// Runs without background work, so that only our writes are counted.
const databases = await startDatabases({
  migration: { durable: true },
  settings: { autovacuum: "off", checkpoint_timeout: "1h" },
});

const DENIALS = 10_000;

describeDatabases(databases, ({ server, admin }) => {
  const limiterOf = (
    name: string,
    policies: Parameters<typeof createLimiter>[0]["policies"],
    client = admin,
  ): Limiter =>
    createLimiter({ store: postgresStore({ client }), prefix: name, policies: policies ?? [], timeout: "20s" });

  async function written(): Promise<{ bytes: number; transactions: number }> {
    const { rows } = await admin.query(
      "SELECT pg_current_wal_lsn() - '0/0' AS bytes, pg_snapshot_xmax(pg_current_snapshot())::text AS transactions",
    );
    return { bytes: Number(rows[0].bytes), transactions: Number(rows[0].transactions) };
  }

  /** Sends `count` requests for clients in turn. Returns the number of allowed requests. */
  async function ask(limiter: Limiter, count: number, clients: number): Promise<number> {
    let allowed = 0;
    let asked = 0;
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (asked < count) {
          const decision = await limiter.consume(`client ${asked++ % clients}`);
          if (decision.error !== undefined) throw decision.error;
          if (decision.allowed) allowed++;
        }
      }),
    );
    return allowed;
  }

  it.each([
    ["token-bucket", tokenBucket({ rate: 1, interval: "1d" })],
    ["fixed-window", fixedWindow({ limit: 1, window: "1d" })],
    ["sliding-window", slidingWindow({ limit: 1, window: "1d" })],
    ["sliding-log", slidingLog({ limit: 1, window: "1d" })],
  ])(`${DENIALS} denials on a durable table write no WAL and start no transaction, with %s`, async (name, policy) => {
    const limiter = limiterOf(`denied ${name}`, policy);
    expect(await ask(limiter, 200, 100)).toBe(100);
    // Finishes the clean-up that reads would cause.
    await admin.query("VACUUM sluice_entries");
    await admin.query("CHECKPOINT");
    expect(await ask(limiter, 200, 100)).toBe(0);
    const before = await written();
    expect(await ask(limiter, DENIALS, 100)).toBe(0);
    const between = await written();
    const noise = await (async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await written()).bytes - between.bytes;
    })();
    expect(between.transactions - before.transactions).toBe(0);
    expect(between.bytes - before.bytes).toBeLessThanOrEqual(noise + 1_000);
    // A grant writes, which proves that the measurement works.
    await limiter.consume("new");
    expect((await written()).bytes - between.bytes).toBeGreaterThan(noise + 50);
  });

  it("a denial by one policy writes nothing for the other policies", async () => {
    const limiter = limiterOf("several", [
      fixedWindow({ name: "everybody", limit: 10, window: "1d" }),
      fixedWindow({ name: "each", limit: 10, window: "1d" }),
    ]);
    const decisions = await Promise.all(
      Array.from({ length: 30 }, (_, i) => limiter.consume({ everybody: "all", each: `client ${i}` })),
    );
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(10);
    const { rows } = await admin.query(
      "SELECT count(*)::int AS count FROM sluice_entries WHERE key LIKE 'several:each:%'",
    );
    expect(rows[0].count).toBe(10);
  });

  it("at least 95 % of the updates under load are heap-only", async () => {
    const pool = openPool(server, { max: 4 });
    const limiter = limiterOf("load", tokenBucket({ rate: 1_000_000, interval: "1h" }), pool);
    await admin.query("SELECT pg_stat_reset()");
    expect(await ask(limiter, 10_000, 500)).toBe(10_000);
    // A connection reports its counts when it is closed.
    await pool.end();
    const { rows } = await openPool(server).query(
      "SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'sluice_entries'",
    );
    expect(rows[0].updates).toBeGreaterThan(8_000);
    expect(rows[0].hot / rows[0].updates).toBeGreaterThan(0.95);
  });

  it("no statement scans the whole table, even if it was prepared while the table was small", async () => {
    await createSchema(admin, { table: "plans" });
    await postgresStore({ client: admin, table: "plans" }).atomicUpdate("one", () => ({ state: 1, ttlMs: 60_000 }));
    // The planner now knows that the table has one page, for which a scan is the fastest plan.
    await admin.query("ANALYZE plans");
    const pool = openPool(server, { max: 1 });
    const store = postgresStore({ client: pool, table: "plans" });
    const limiter = createLimiter({
      store,
      policies: [tokenBucket({ name: "bucket" }), slidingLog({ name: "log", limit: 5, window: "1h" })],
      timeout: "20s",
    });
    for (let i = 0; i < 10; i++) {
      await limiter.consume(`client ${i}`);
      await limiter.block(`client ${i}`, "1h");
      await limiter.reset(`client ${i}`);
    }
    await pool.end();
    const { rows } = await openPool(server).query(
      "SELECT seq_scan::int AS sequential, idx_scan::int AS indexed FROM pg_stat_user_tables WHERE relname = 'plans'",
    );
    // One scan loaded the index into the cache.
    expect(rows[0].sequential).toBeLessThanOrEqual(1);
    expect(rows[0].indexed).toBeGreaterThan(50);
  });

  it("only the key is indexed", async () => {
    const { rows } = await admin.query("SELECT indexdef FROM pg_indexes WHERE tablename = 'sluice_entries'");
    expect(rows).toEqual([{ indexdef: expect.stringMatching(/UNIQUE INDEX .* \(key\)$/) }]);
  });
});

/** A pool that records the statements sent on it. */
function noting(pool: pg.Pool): { client: PostgresStoreOptions["client"]; sent: { name?: string; text: string }[] } {
  const sent: { name?: string; text: string }[] = [];
  const client = {
    totalCount: 0,
    options: { max: 4 },
    query: () => {},
    async connect() {
      const connection = await pool.connect();
      return {
        query: (query: { name?: string; text: string }) => {
          sent.push(query);
          return connection.query(query);
        },
        on: connection.on.bind(connection),
        removeListener: connection.removeListener.bind(connection),
        release: connection.release.bind(connection),
      };
    },
  };
  return { client: client as unknown as PostgresStoreOptions["client"], sent };
}

it("the calls of one turn share one statement, even with different policies and limiters", async () => {
  const { admin } = databases["PostgreSQL 18"]!;
  const { client, sent } = noting(admin);
  const store = postgresStore({ client });
  const one = createLimiter({
    store,
    prefix: "turn",
    policies: [tokenBucket({ name: "a" }), slidingWindow({ name: "b", limit: 5, window: "1m" })],
  });
  const other = createLimiter({ store, prefix: "turn", policies: slidingLog({ name: "c", limit: 5, window: "1m" }) });
  const decisions = await Promise.all(
    Array.from({ length: 30 }, (_, i) => [one.consume(`client ${i}`), other.consume(`client ${i}`)]).flat(),
  );
  expect(decisions.every(({ allowed }) => allowed)).toBe(true);
  expect(sent).toHaveLength(1);
  await Promise.all([one.consume("late"), other.consume("late")]);
  expect(sent).toHaveLength(2);
});

it("64 callers share statements", async () => {
  const { admin } = databases["PostgreSQL 18"]!;
  const { client, sent } = noting(admin);
  const limiter = createLimiter({
    store: postgresStore({ client }),
    prefix: "callers",
    policies: tokenBucket({ rate: 10_000, interval: "1h" }),
  });
  await Promise.all(
    Array.from({ length: 64 }, async (_, caller) => {
      for (let i = 0; i < 50; i++) await limiter.consume(`caller ${caller}`);
    }),
  );
  expect(sent.length).toBeLessThanOrEqual(100);
});
