import { createLimiter, fixedWindow } from "@sluice/core";
import type pg from "pg";
import { beforeEach, expect, it } from "vitest";
import { createSchema, postgresStore, type SchemaOptions, schemaSql } from "../src/index.js";
import { migrations } from "../src/migrations.generated.js";
import { describeDatabases, openPool, startDatabases } from "./database.js";

const databases = await startDatabases();

/** Tests that other roles have no rights on the store unless they are granted. */
describeDatabases(databases, ({ server, admin }) => {
  let other: pg.Pool;

  beforeEach(async () => {
    await admin.query(`DROP SCHEMA IF EXISTS sluice CASCADE; DROP SCHEMA IF EXISTS limits CASCADE;
      DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC`);
    for (const role of ["anon", "app", "owner_of_it"]) {
      await admin.query(`DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
          DROP OWNED BY ${role};
        ELSE
          CREATE ROLE ${role} LOGIN;
        END IF;
      END $$`);
    }
    other ??= openPool(server, { connectionString: server.url.replace("postgres@", "anon@"), max: 1 });
  });

  async function works(client: pg.Pool, options: SchemaOptions = {}): Promise<unknown> {
    const store = postgresStore({ client, ...options });
    const limiter = createLimiter({
      store,
      policies: fixedWindow({ limit: 2, window: "1h" }),
      on: { storeError() {} },
    });
    const { error } = await limiter.consume("somebody");
    return error ?? (await limiter.reset("somebody").catch((error) => error));
  }

  /**
   * The rights of a role on the objects in a schema, as the server reports them. The rights on the schema itself are
   * not included.
   */
  async function rightsOf(role: string, schema: string): Promise<string[]> {
    const { rows } = await admin.query(
      `SELECT relname AS name FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) r
          WHERE relnamespace = to_regnamespace($2) AND relkind IN ('r', 'p') AND has_table_privilege($1, pg_class.oid, r)
        UNION SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace($2) AND has_function_privilege($1, oid, 'EXECUTE')`,
      [role, schema],
    );
    return rows.map(({ name }) => name);
  }

  it("creates objects in a schema that other roles cannot use", async () => {
    await createSchema(admin);
    const { rows } = await admin.query("SELECT to_regclass('sluice.sluice_entries')::text AS name");
    expect(rows[0].name).toBe("sluice_entries");
    expect(await rightsOf("anon", "sluice")).toEqual([]);
    await expect(other.query("SELECT * FROM sluice.sluice_entries")).rejects.toMatchObject({ code: "42501" });
    await expect(other.query("SELECT sluice.sluice_entries_forget_2('k')")).rejects.toMatchObject({ code: "42501" });
  });

  it("grants no rights to the roles of a host that publishes the schema public", async () => {
    await admin.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon`);
    await createSchema(admin);
    expect(await rightsOf("anon", "sluice")).toEqual([]);
    await createSchema(admin, { schema: "public" });
    expect(await rightsOf("anon", "public")).toEqual([]);
    await expect(other.query("DELETE FROM public.sluice_entries")).rejects.toMatchObject({ code: "42501" });
    await admin.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON FUNCTIONS FROM anon`);
  });

  it("an owner without superuser rights can create the schema, even with schemaSql, and the documented grants suffice", async () => {
    await admin.query(`GRANT CREATE ON DATABASE ${server.url.split("/").at(-1)} TO owner_of_it`);
    const owner = openPool(server, { connectionString: server.url.replace("postgres@", "owner_of_it@"), max: 1 });
    const app = openPool(server, { connectionString: server.url.replace("postgres@", "app@"), max: 1 });
    await createSchema(owner);
    await owner.query(schemaSql({ schema: "limits" }));
    await createSchema(owner);
    for (const schema of ["sluice", "limits"]) {
      expect(await works(owner, { schema })).toBeUndefined();
      expect(await rightsOf("app", schema)).toEqual([]);
      expect(await works(app, { schema })).toMatchObject({
        code: "STORE_NOT_READY",
        message: expect.stringMatching(/Grant the role of the store USAGE/),
      });
      await owner.query(`GRANT USAGE ON SCHEMA ${schema} TO app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.sluice_entries TO app;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO app`);
      expect(await works(app, { schema })).toBeUndefined();
    }
    await Promise.all([owner.end(), app.end()]);
  });

  it("revokes the rights that an older release left to PUBLIC, and grants new functions to the users of the table", async () => {
    const app = openPool(server, { connectionString: server.url.replace("postgres@", "app@"), max: 1 });
    await admin.query(`CREATE SCHEMA sluice;
      CREATE TABLE sluice.sluice_entries_migrations (version integer PRIMARY KEY, applied_at timestamptz DEFAULT now());
      INSERT INTO sluice.sluice_entries_migrations VALUES (1), (3)`);
    const older = migrations.filter(({ name }) => name === "v0001Entries" || name === "v0003CompareAndSet");
    expect(older).toHaveLength(2);
    for (const { text } of older) {
      await admin.query(
        text.replaceAll('"sluice"."entries', '"sluice"."sluice_entries').replace(/(entries\w*)\b(?!")/g, "$1"),
      );
    }
    await admin.query(`GRANT USAGE ON SCHEMA sluice TO app, anon;
      GRANT SELECT, INSERT, UPDATE, DELETE ON sluice.sluice_entries TO app`);
    expect((await rightsOf("anon", "sluice")).sort()).toEqual([
      "sluice_entries_compare_and_set_1",
      "sluice_entries_forget_1",
    ]);
    await createSchema(admin);
    expect(await rightsOf("anon", "sluice")).toEqual([]);
    expect(await works(app)).toBeUndefined();
    // Processes of the older release keep this right.
    expect(await rightsOf("app", "sluice")).toContain("sluice_entries_compare_and_set_1");
    await app.end();
  });
});
