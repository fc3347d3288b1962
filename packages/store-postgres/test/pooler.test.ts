import { createLimiter, fixedWindow, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { startPgbouncer, systemPgbouncer } from "@sluice/servers";
import pg from "pg";
import postgres from "postgres";
import { afterAll, describe, expect, it } from "vitest";
import { type PostgresClient, type PostgresStore, postgresStore } from "../src/index.js";
import { openPool, startDatabase } from "./database.js";

const { server } = await startDatabase();

/** Uses every feature of the store, both concurrently and in sequence. */
async function useAll(store: PostgresStore, prefix: string): Promise<void> {
  const limiter = createLimiter({
    store,
    prefix,
    timeout: "20s",
    policies: [
      tokenBucket({ name: "bucket", rate: 300, interval: "1h" }),
      fixedWindow({ name: "fixed", limit: 250, window: "1h" }),
      slidingWindow({ name: "sliding", limit: 200, window: "1h" }),
      slidingLog({ name: "log", limit: 400, window: "1h" }),
    ],
  });
  const allowed = await Promise.all(
    Array.from({ length: 50 }, async (_, caller) => {
      let count = 0;
      for (let i = 0; i < 10; i++) {
        const decision = await limiter.consume(caller % 5 === 0 ? "other" : "shared");
        if (decision.error !== undefined) throw decision.error;
        if (decision.allowed) count++;
      }
      return count;
    }),
  );
  expect(allowed.reduce((sum, count) => sum + count, 0)).toBe(200 + 100);
  expect(await limiter.refund(await limiter.consume("refunded"))).toBe(true);
  await limiter.block("blocked", "1h");
  expect(await limiter.allow("blocked")).toBe(false);
  await limiter.reset("blocked");
  expect(await limiter.allow("blocked")).toBe(true);
  await store.sweep();
  await store.createSchema();
  expect((await limiter.healthCheck()).healthy).toBe(true);
}

describe("named statements", () => {
  it("leave nothing on a connection if they are off, with pg", async () => {
    const pool = openPool(server, { max: 2 });
    await useAll(postgresStore({ client: pool, namedStatements: false }), "unnamed pg");
    await expectClean(await Promise.all([pool.connect(), pool.connect()]));
  });

  it("leave nothing on a connection if they are off, with postgres", async () => {
    const client = postgres(server.url, { max: 1, prepare: false });
    await useAll(postgresStore({ client, namedStatements: false }), "unnamed postgres");
    expect(await client.unsafe(SESSION_STATE)).toEqual([CLEAN]);
    await client.end();
  });

  it("are prepared once per connection by default", async () => {
    const pool = openPool(server, { max: 1 });
    await useAll(postgresStore({ client: pool }), "named");
    const { rows } = await pool.query(
      "SELECT name, calls FROM (SELECT name, generic_plans + custom_plans AS calls FROM pg_prepared_statements) s ORDER BY calls DESC",
    );
    expect(rows.map(({ name }) => name)).toEqual(rows.map(() => expect.stringMatching(/^sluice_[0-9a-f]{16}$/)));
    expect(rows).toHaveLength(5);
    expect(Number(rows[0].calls)).toBeGreaterThan(5);
  });

  const SESSION_STATE = `SELECT (SELECT count(*)::int FROM pg_prepared_statements WHERE name LIKE 'sluice%') AS prepared,
    (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks,
    (SELECT count(*)::int FROM pg_settings WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding')) AS settings`;
  const CLEAN = { prepared: 0, locks: 0, settings: 0 };

  async function expectClean(clients: pg.PoolClient[]): Promise<void> {
    for (const client of clients) {
      expect((await client.query(SESSION_STATE)).rows).toEqual([CLEAN]);
      client.release();
    }
  }
});

const pgbouncer = systemPgbouncer();

describe.skipIf(pgbouncer === undefined)(
  `behind PgBouncer in transaction mode${pgbouncer ? "" : " (skipped: pgbouncer is not installed)"}`,
  async () => {
    if (pgbouncer === undefined) return;
    const pooler = await startPgbouncer(pgbouncer, server.port);
    afterAll(() => pooler.stop());
    const config = { host: "127.0.0.1", port: pooler.port, user: "postgres", database: "postgres" };

    const clients: Readonly<Record<string, () => { client: PostgresClient; end(): Promise<void> }>> = {
      pg() {
        const client = new pg.Pool({ ...config, max: 5 });
        return { client, end: () => client.end() };
      },
      postgres() {
        const client = postgres({ ...config, max: 5, prepare: false, fetch_types: false });
        return { client, end: () => client.end() };
      },
    };

    it.each(Object.entries(clients))("works with namedStatements: false, with %s", async (kind, connect) => {
      const { client, end } = connect();
      await useAll(postgresStore({ client, namedStatements: false }), `pooled ${kind}`);
      await end();
    });

    it("fails with named statements if the pooler does not support them, and the error names the fix", async () => {
      const pool = new pg.Pool({ ...config, max: 1 });
      const other = new pg.Client(config);
      const limiter = createLimiter({ store: postgresStore({ client: pool }), prefix: "named behind", timeout: "5s" });
      await limiter.consume("somebody");
      // Takes the pooler's connection on which the statement was prepared.
      await other.connect();
      await other.query("BEGIN");
      expect((await limiter.consume("somebody")).error).toMatchObject({
        code: "STORE_FAILED",
        message: expect.stringContaining("namedStatements: false"),
      });
      await other.end();
      await pool.end();
    });
  },
);
