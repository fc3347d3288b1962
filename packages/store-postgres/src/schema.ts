import { checkOptions, type Rule, type Rules } from "@sluice/core/store";
import type { Database, PostgresClient } from "./client.js";
import { databaseOf } from "./database.js";
import { hasNotRun, wasLocked } from "./failure.js";
import { migrations } from "./migrations.generated.js";

/** Options of {@link createSchema} and {@link schemaSql}. */
export interface SchemaOptions {
  /** The store's `table`. Default `"sluice_entries"`. */
  table?: string | undefined;
  /** The store's `schema`, created if it is missing. Default `"sluice"`. */
  schema?: string | undefined;
  /**
   * True for a table that survives a crash of the server. False for a table that writes no WAL: a crash empties it, and it
   * is about twice as fast. Default: a new table is not durable, and an existing table does not change.
   */
  durable?: boolean | undefined;
}

/**
 * Other processes that create the schema at the same time, and transactions that use the table, can make the server undo a
 * try.
 */
const MAX_TRIES = 10;

/** The migrations in order. The version of each is the number at the start of its name. */
const VERSIONED = migrations.map(({ name, text }) => ({ version: Number(name.slice(1, 5)), text }));

/**
 * Returns the SQL that {@link createSchema} runs, for teams with their own migrations. It is a single statement that does
 * nothing if it has already run.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { schemaSql } from "@sluice/store-postgres";
 *
 * console.log(schemaSql({ schema: "limits", durable: true }));
 * ```
 */
export function schemaSql(options: SchemaOptions = {}): string {
  checkOptions(options, SCHEMA_RULES, "schemaSql");
  const rename = renamer(options);
  const steps = VERSIONED.map(
    ({ version, text }) => `  IF NOT EXISTS (SELECT FROM "sluice"."entries_migrations" WHERE version = ${version}) THEN
${text.trim()}
    INSERT INTO "sluice"."entries_migrations" (version) VALUES (${version}) ON CONFLICT DO NOTHING;
    migrated := true;
  END IF;
`,
  );
  return rename(`DO $sluice$
DECLARE
  lock_timeout_before CONSTANT text := current_setting('lock_timeout');
  is_new CONSTANT boolean := to_regclass('"sluice"."entries"') IS NULL;
  functions_before oid[];
  migrated boolean := false;
  item record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('sluice migration of "sluice"."entries"', 0));
  -- A change of the table that waits makes every decision wait behind it.
  PERFORM set_config('lock_timeout', '2s', true);
  IF to_regnamespace('"sluice"') IS NULL THEN
    CREATE SCHEMA "sluice";
  END IF;
  IF to_regclass('"sluice"."entries_migrations"') IS NULL THEN
    CREATE TABLE "sluice"."entries_migrations" (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
  END IF;
  -- Dropped or not restored, so all of it has to be created again.
  IF to_regclass('"sluice"."entries"') IS NULL THEN
    DELETE FROM "sluice"."entries_migrations";
  END IF;
  functions_before := ARRAY(SELECT oid FROM pg_proc WHERE pronamespace = to_regnamespace('"sluice"'));
${steps.join("")}${rightsSql(options)}${persistence(options.durable)}  PERFORM set_config('lock_timeout', lock_timeout_before, true);
END
$sluice$;
`);
}

function persistence(durable: boolean | undefined): string {
  if (durable === undefined) return "";
  return `  IF (SELECT relpersistence FROM pg_class WHERE oid = '"sluice"."entries"'::regclass) <> '${durable ? "p" : "u"}' THEN
    ALTER TABLE "sluice"."entries" SET ${durable ? "LOGGED" : "UNLOGGED"};
  END IF;
`;
}

/**
 * Creates the table and the functions of the store, or updates those of an older release. Does nothing if they are up to
 * date. Several processes may call it at the same time. The client needs the right to create objects in the schema and, if
 * the table exists, must own it. The store itself does not need these rights: docs/postgres.md shows what to grant to
 * another role.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `STORE_FAILED`, `STORE_NOT_READY`
 *
 * @example
 * ```ts
 * import { createSchema } from "@sluice/store-postgres";
 * import { Pool } from "pg";
 *
 * const pool = new Pool({ connectionString: "postgres://localhost/app" });
 * await createSchema(pool);
 * ```
 */
export async function createSchema(client: PostgresClient, options: SchemaOptions = {}): Promise<void> {
  await createSchemaOn(databaseOf(client, false), options);
}

export async function createSchemaOn(database: Database, options: SchemaOptions): Promise<void> {
  const sql = schemaSql(options);
  await database.connected(async (connection) => {
    for (let tries = 1; ; tries++) {
      try {
        return await connection.runScript(sql);
      } catch (error) {
        if (!(hasNotRun(error) || wasLocked(error)) || tries === MAX_TRIES) throw error;
      }
    }
  }, Number.POSITIVE_INFINITY);
}

/**
 * The part of the migration that revokes the rights that PostgreSQL grants by default: EXECUTE on each function for
 * everyone. On hosts that publish the schema `public`, also all rights of the role of anonymous clients. A role that may
 * insert into the table may call its functions, including those of later releases.
 *
 * The SQL variables are those of `schemaSql`.
 */
function rightsSql(options: Pick<SchemaOptions, "table" | "schema">): string {
  const { table, schema } = namesOf(options);
  const isOurs = `pronamespace = to_regnamespace('"sluice"')
              AND proname ~ '^${table}_(compare_and_set|decide|export|forget|import|look|sweep)_[0-9]+$'`;
  return `  IF migrated THEN
    FOR item IN
      SELECT kind, object, grantee
        FROM (
          SELECT 'TABLE' AS kind, oid::regclass::text AS object, relowner AS owner, acl.grantee
            FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) acl
            WHERE oid IN (to_regclass('"sluice"."entries"'), to_regclass('"sluice"."entries_migrations"'))
              AND (is_new OR acl.grantee = 0)
          UNION ALL
          SELECT 'FUNCTION', oid::regprocedure::text, proowner, acl.grantee
            FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
            WHERE ${isOurs}
              AND (oid <> ALL (functions_before) OR acl.grantee = 0)
        ) granted
        WHERE ${schema === "public" ? "grantee <> owner" : "grantee = 0"} AND pg_has_role(owner, 'USAGE')
        GROUP BY 1, 2, 3
    LOOP
      EXECUTE format('REVOKE ALL ON %s %s FROM %s', item.kind, item.object,
        CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(item.grantee)) END);
    END LOOP;
    FOR item IN
      SELECT pg_proc.oid::regprocedure::text AS object, acl.grantee
        FROM pg_class, aclexplode(relacl) acl, pg_proc
        WHERE pg_class.oid = to_regclass('"sluice"."entries"') AND acl.privilege_type = 'INSERT'
          AND acl.grantee NOT IN (0, relowner) AND ${isOurs}
          AND pg_has_role(proowner, 'USAGE')
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', item.object, quote_ident(pg_get_userbyid(item.grantee)));
    END LOOP;
  END IF;
`;
}

/** A separate schema, because hosts publish the contents of `public` to clients of the database. */
const DEFAULT_SCHEMA = "sluice";

/** Names in the database have at most 63 bytes, and the functions' names start with the table's. */
const LONGEST_TABLE = 40;
const LONGEST_NAME = 63;

/**
 * Returns a function that rewrites SQL for the table `"sluice"."entries"` to another table, and to the functions and tables
 * whose names start with its name.
 *
 * @throws SluiceError `INVALID_OPTION` for a name that is not a plain identifier
 */
export function renamer(options: Pick<SchemaOptions, "table" | "schema">): (sql: string) => string {
  const { table, schema } = namesOf(options);
  return (sql) =>
    sql.replace(/"sluice"(?:\."entries(\w*)")?/g, (_, ending?: string) =>
      ending === undefined ? `"${schema}"` : `"${schema}"."${table}${ending}"`,
    );
}

/** The names of table and schema, with their defaults. */
function namesOf({ table = "sluice_entries", schema = DEFAULT_SCHEMA }: Pick<SchemaOptions, "table" | "schema">): {
  table: string;
  schema: string;
} {
  return { table, schema };
}

function identifier(max: number): Rule {
  return {
    is: (name) => typeof name === "string" && name.length <= max && /^[a-z_][a-z0-9_]*$/i.test(name),
    must: `be 1 to ${max} letters, digits and underscores that do not start with a digit; pass schema and table as two options`,
  };
}

/** The rules of {@link SchemaOptions}. */
export const SCHEMA_RULES: Rules<SchemaOptions> = {
  table: identifier(LONGEST_TABLE),
  schema: identifier(LONGEST_NAME),
  durable: "boolean",
};
