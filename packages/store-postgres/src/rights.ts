import { type NameOptions, namesOf } from "./names.js";

/**
 * Revokes in the migration what PostgreSQL grants by default: EXECUTE on each function for everybody and, in the schema
 * `public` of hosts that publish it, everything for the role of anonymous clients. A role that may insert into the table
 * may call its functions, also those that a later release adds.
 *
 * The variables are those of `migrationSql`.
 */
export function rightsSql(options: NameOptions): string {
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
