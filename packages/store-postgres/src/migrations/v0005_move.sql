-- Lists entries in the order of their keys.
--
-- after      the last key of the previous page, '' for the first page
-- most       how many rows to examine
--
-- Result     JSON: [the last key that was examined, or null if there are no more, and then for each live entry its key, its
--            value and its expiry]
CREATE OR REPLACE FUNCTION "sluice"."entries_export_1"(after text, most bigint)
RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
  real_ms CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  result text;
BEGIN
  SELECT '[' || coalesce(CASE WHEN count(*) = most THEN to_json(max(page.key COLLATE "C"))::text END, 'null')
      || coalesce(string_agg(
        ',' || to_json(page.key)::text || ','
          || coalesce(page.other, '[1,' || page.blocked_until_ms || ',' || coalesce(to_json(page.cells)::text, 'null') || ']')
          || ',' || page.expires_ms,
        ''
      ) FILTER (WHERE page.expires_ms > real_ms), '') || ']'
    INTO result
    FROM (SELECT * FROM "sluice"."entries" t WHERE t.key > after ORDER BY t.key LIMIT most) page;
  RETURN result;
END
$function$;

-- Writes entries under keys that have no live entry. Writes new rows first, and then the others under locks taken in the
-- order of their keys, as in `decide`, so that transactions never deadlock.
--
-- entries    JSON: an array of { key, blocked, cells, other, expires }, which are the columns of a row, each key once
--
-- Result     JSON: the entries, counted from 0, that were not written because there was a live one, and the entries to send
--            again because the expired one was swept meanwhile, so that writing them now would break the order
CREATE OR REPLACE FUNCTION "sluice"."entries_import_1"(entries json)
RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
DECLARE
  real_ms CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  new_keys text[];
  renewed_keys text[];
BEGIN
  WITH new AS (
    INSERT INTO "sluice"."entries" (key, blocked_until_ms, cells, other, expires_ms)
      SELECT e.key, e.blocked, e.cells, e.other, e.expires
        FROM json_to_recordset(entries) e(key text, blocked bigint, cells bigint[], other text, expires bigint)
        WHERE e.expires > real_ms
        ORDER BY e.key COLLATE "C"
      ON CONFLICT DO NOTHING
      RETURNING key
  )
  SELECT array_agg(new.key) INTO new_keys FROM new;
  IF cardinality(new_keys) = json_array_length(entries) THEN
    RETURN '[[],[]]';
  END IF;

  WITH over AS (
    SELECT e.*
      FROM json_to_recordset(entries) e(key text, blocked bigint, cells bigint[], other text, expires bigint)
      JOIN "sluice"."entries" t ON t.key = e.key
      WHERE t.expires_ms <= real_ms AND e.expires > real_ms
      ORDER BY t.key
      FOR NO KEY UPDATE OF t
  ), renewed AS (
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = over.blocked, cells = over.cells, other = over.other, expires_ms = over.expires
      FROM over
      WHERE t.key = over.key AND t.expires_ms <= real_ms
      RETURNING t.key
  )
  SELECT array_agg(renewed.key) INTO renewed_keys FROM renewed;

  RETURN (
    SELECT json_build_array(
        coalesce(json_agg(e.n - 1 ORDER BY e.n) FILTER (WHERE t.key IS NOT NULL), '[]'),
        coalesce(json_agg(e.n - 1 ORDER BY e.n) FILTER (WHERE t.key IS NULL), '[]')
      )::text
      FROM ROWS FROM (json_to_recordset(entries) AS (key text, expires bigint)) WITH ORDINALITY e(key, expires, n)
      LEFT JOIN "sluice"."entries" t ON t.key = e.key
      WHERE e.expires > real_ms AND e.key NOT IN (SELECT unnest(new_keys || renewed_keys))
  );
END
$function$;
