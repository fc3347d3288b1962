import { createLimiter, fixedWindow } from "@sluice/core";
import { beforeEach, describe, expect, it } from "vitest";
import { createSchema, type PostgresStore, postgresStore, type SchemaOptions, schemaSql } from "../src/index.js";
import { connectors } from "./clients.js";
import { describeDatabases, openPool, startDatabases } from "./database.js";

const databases = await startDatabases();

describeDatabases(databases, ({ server, admin }) => {
  beforeEach(async () => {
    await admin.query("DROP SCHEMA IF EXISTS limits CASCADE");
  });

  async function objects(): Promise<unknown> {
    const { rows } = await admin.query(
      `SELECT relname AS name, relpersistence::text AS kind FROM pg_class WHERE relnamespace = 'limits'::regnamespace AND relkind = 'r'
        UNION SELECT proname, 'function' FROM pg_proc WHERE pronamespace = 'limits'::regnamespace`,
    );
    return rows.map(({ name, kind }) => `${name} ${kind}`).sort();
  }

  const all = (persistence: string) => [
    `counts ${persistence}`,
    "counts_compare_and_set_1 function",
    "counts_compare_and_set_2 function",
    "counts_decide_1 function",
    "counts_decide_2 function",
    "counts_export_1 function",
    "counts_export_2 function",
    "counts_forget_1 function",
    "counts_forget_2 function",
    "counts_import_1 function",
    "counts_import_2 function",
    "counts_look_2 function",
    "counts_migrations p",
    "counts_sweep_1 function",
  ];

  const options = { schema: "limits", table: "counts" } satisfies SchemaOptions;

  async function works(store: PostgresStore): Promise<void> {
    const limiter = createLimiter({ store, policies: fixedWindow({ limit: 2, window: "1h" }) });
    const first = await limiter.consume("somebody");
    if (first.error) throw first.error;
    expect([first.remaining, (await limiter.consume("somebody")).remaining, await limiter.allow("somebody")]).toEqual([
      1,
      0,
      false,
    ]);
    await limiter.reset("somebody");
    expect(await limiter.allow("somebody")).toBe(true);
    await limiter.reset("somebody");
  }

  it.each(Object.entries(connectors))("makes a schema, a table and functions, once, with %s", async (_, connect) => {
    const connection = connect(server.port);
    await createSchema(connection.client, options);
    expect(await objects()).toEqual(all("u"));
    const { rows: before } = await admin.query(
      "SELECT oid, xmin FROM pg_proc WHERE pronamespace = 'limits'::regnamespace ORDER BY 1",
    );
    await createSchema(connection.client, options);
    const { rows: after } = await admin.query(
      "SELECT oid, xmin FROM pg_proc WHERE pronamespace = 'limits'::regnamespace ORDER BY 1",
    );
    expect(after).toEqual(before);
    const { rows } = await admin.query("SELECT version FROM limits.counts_migrations ORDER BY 1");
    expect(rows.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await works(postgresStore({ client: connection.client, ...options }));
    await connection.end();
  });

  it("may be called by many at once", async () => {
    const pools = Array.from({ length: 10 }, () => openPool(server, { max: 1 }));
    await Promise.all(pools.map((pool) => pool.query("SELECT 1")));
    await Promise.all(pools.map((pool) => createSchema(pool, options)));
    expect(await objects()).toEqual(all("u"));
  });

  it("may be called by many at once where transactions are serializable by default", async () => {
    const pools = Array.from({ length: 10 }, () =>
      openPool(server, { max: 1, options: "-c default_transaction_isolation=serializable" }),
    );
    await Promise.all(pools.map((pool) => createSchema(pool, options)));
    expect(await objects()).toEqual(all("u"));
  });

  it("makes the table durable, or not durable, when asked, and keeps what is in it", async () => {
    const store = postgresStore({ client: admin, ...options, durable: true });
    await store.createSchema();
    expect(await objects()).toEqual(all("p"));
    await store.atomicUpdate("state", () => ({ state: 1, ttlMs: 60_000 }));
    await createSchema(admin, options);
    expect(await objects()).toEqual(all("p"));
    await createSchema(admin, { ...options, durable: false });
    expect(await objects()).toEqual(all("u"));
    await createSchema(admin, { ...options, durable: true });
    expect(await objects()).toEqual(all("p"));
    expect(await store.atomicUpdate("state", () => undefined)).toBe(1);
    await works(store);
  });

  it("prints as SQL that does the same, also in a transaction of somebody else's", async () => {
    const sql = schemaSql({ ...options, durable: true });
    const client = await admin.connect();
    await client.query("BEGIN");
    await client.query("SELECT 1");
    await client.query(sql);
    await client.query("COMMIT");
    await client.query(sql);
    client.release();
    expect(await objects()).toEqual(all("p"));
    await createSchema(admin, options);
    await works(postgresStore({ client: admin, ...options }));
  });

  it("serves a user who may use the table, and no more", async () => {
    await createSchema(admin, options);
    await admin.query(
      `DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA limits TO app;
       GRANT SELECT, INSERT, UPDATE, DELETE ON limits.counts TO app;
       GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA limits TO app`,
    );
    const pool = openPool(server, { connectionString: server.url.replace("postgres@", "app@") });
    await works(postgresStore({ client: pool, ...options }));
    await admin.query("DROP OWNED BY app; DROP ROLE app");
  });

  it("stores in different tables are apart", async () => {
    await createSchema(admin, options);
    await createSchema(admin, { ...options, table: "Counts" });
    await Promise.all([
      works(postgresStore({ client: admin, ...options })),
      works(postgresStore({ client: admin, ...options, table: "Counts" })),
    ]);
  });

  describe("without a migration", () => {
    it.each(Object.entries(connectors))("every call says what to run, with %s", async (_, connect) => {
      const connection = connect(server.port);
      const store = postgresStore({ client: connection.client, ...options });
      const limiter = createLimiter({ store, policies: fixedWindow({ limit: 2, window: "1h" }) });
      const notReady = { code: "STORE_NOT_READY", message: expect.stringMatching(/[Rr]un createSchema\(client\)/) };
      for (const _ of ["no schema", "no table"]) {
        expect((await limiter.consume("somebody")).error).toMatchObject(notReady);
        await expect(limiter.reset("somebody")).rejects.toMatchObject(notReady);
        await expect(limiter.block("somebody", "1h")).rejects.toMatchObject(notReady);
        await expect(store.sweep()).rejects.toMatchObject(notReady);
        await expect(store.healthCheck()).rejects.toMatchObject(notReady);
        await admin.query("CREATE SCHEMA IF NOT EXISTS limits");
      }
      await store.createSchema();
      await store.healthCheck();
      await works(store);
      // What an older release made lacks a function.
      await admin.query("DROP FUNCTION limits.counts_decide_2");
      expect((await limiter.consume("somebody")).error).toMatchObject(notReady);
      await connection.end();
    });

    it("a table that was dropped is missed too, and made again", async () => {
      const store = postgresStore({ client: admin, ...options });
      await store.createSchema();
      await admin.query("DROP TABLE limits.counts");
      await expect(store.healthCheck()).rejects.toMatchObject({ code: "STORE_NOT_READY" });
      await store.createSchema();
      await works(store);
      expect(await objects()).toEqual(all("u"));
    });
  });
});
