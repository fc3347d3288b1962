import { createLimiter, fixedWindow } from "@sluice/core";
import { beforeEach, describe, expect, it } from "vitest";
import { createSchema, type PostgresStore, postgresStore, type SchemaOptions, schemaSql } from "../src/index.js";
import { migrations } from "../src/migrations.generated.js";
import { connectors } from "./clients.js";
import { describeDatabases, openPool, startDatabases } from "./database.js";

const databases = await startDatabases();

it("never changes the text of a released migration, since existing databases would keep the old one", () => {
  expect(Object.fromEntries(migrations.map(({ name, sha1 }) => [name, sha1]))).toEqual({
    v0001Entries: "d6bf52a2e566536c133069b1a30feab73803d031",
    v0003CompareAndSet: "b9d687311b8605cadf95c916c8af2cb92026b36c",
    v0004Sweep: "8fe25a327230b8d9e7d70a6abb217a6253abdffa",
    v0005Move: "d95f8f8a629e1220612fd178f5956dc4ec122e6e",
    v0006Blocks: "b2e476f376652420d0aa5bb6a583ebf1325271b9",
    v0007Entries: "36cbeac67070e488584566b881b189b500ec835d",
    v0008Decide: "c9634a16531f24ff62a052e8885661687a38e98d",
  });
});

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

  it.each(Object.entries(connectors))(
    "creates a schema, a table and functions only once, with %s",
    async (_, connect) => {
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
      expect(rows.map(({ version }) => version)).toEqual([1, 3, 4, 5, 6, 7, 8]);
      await works(postgresStore({ client: connection.client, ...options }));
      await connection.end();
    },
  );

  it("can be called by several processes concurrently", async () => {
    const pools = Array.from({ length: 10 }, () => openPool(server, { max: 1 }));
    await Promise.all(pools.map((pool) => pool.query("SELECT 1")));
    await Promise.all(pools.map((pool) => createSchema(pool, options)));
    expect(await objects()).toEqual(all("u"));
  });

  it("can be called by several processes concurrently if transactions are serializable by default", async () => {
    const pools = Array.from({ length: 10 }, () =>
      openPool(server, { max: 1, options: "-c default_transaction_isolation=serializable" }),
    );
    await Promise.all(pools.map((pool) => createSchema(pool, options)));
    expect(await objects()).toEqual(all("u"));
  });

  it("makes the table durable, or not durable, as configured, and keeps its rows", async () => {
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

  it("can be printed as SQL with the same effect, even in another transaction", async () => {
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

  it("works for a user who may only use the table", async () => {
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

  it("keeps stores in different tables apart", async () => {
    await createSchema(admin, options);
    await createSchema(admin, { ...options, table: "Counts" });
    await Promise.all([
      works(postgresStore({ client: admin, ...options })),
      works(postgresStore({ client: admin, ...options, table: "Counts" })),
    ]);
  });

  describe("without the schema", () => {
    it.each(Object.entries(connectors))("every call names the function to run, with %s", async (_, connect) => {
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
      // The schema of an older release has no such function.
      await admin.query("DROP FUNCTION limits.counts_decide_2");
      expect((await limiter.consume("somebody")).error).toMatchObject(notReady);
      await connection.end();
    });

    it("reports a dropped table too, and creates it again", async () => {
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
