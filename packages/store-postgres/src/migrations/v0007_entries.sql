-- The other functions, for blocks that keep their length: see version 6. None waits long for a row that another
-- transaction holds: `lock_timeout` undoes the statement, and the store retries.

-- Looks at entries.
--
-- given_ms      the time in milliseconds, NULL for the server's
-- keys          the entries
--
-- Result        JSON: for each key, as text, [0, the time], followed by the version and value of any entry, and the length of
--               its block if known
CREATE OR REPLACE FUNCTION "sluice"."entries_look_2"(given_ms bigint, keys text[])
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '20ms'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
DECLARE
  real_ms CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  result text;
BEGIN
  SELECT json_agg(
        '[0,' || coalesce(given_ms, real_ms) || coalesce(
          ',"' || t.xmin || '",'
            || coalesce(t.other, '[1,' || t.blocked_until_ms || ',' || coalesce(to_json(t.cells)::text, 'null') || ']')
            || CASE WHEN t.block[1] = t.blocked_until_ms THEN ',' || t.block[2] ELSE '' END,
          ''
        ) || ']'
        ORDER BY n
      )::text
    INTO result
    FROM generate_series(1, cardinality(keys)) n
    LEFT JOIN "sluice"."entries" t ON t.key = keys[n] AND t.expires_ms > real_ms;
  RETURN result;
END
$function$;

-- Writes an entry if it still has the version that the caller saw.
--
-- given_ms      the time in milliseconds, NULL for the server's
-- entry_key     the entry
-- over          the version that the caller saw, '' for none
-- new_blocked_until_ms, new_block_ms, new_cells, new_other, life_ms      the value to write, and its lifetime
--
-- Result        JSON: [1] if it was written, otherwise the existing entry as a look returns it
CREATE OR REPLACE FUNCTION "sluice"."entries_compare_and_set_2"(
  given_ms bigint,
  entry_key text,
  over text,
  new_blocked_until_ms bigint,
  new_block_ms bigint,
  new_cells bigint[],
  new_other text,
  life_ms bigint
)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '20ms'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
  real_ms CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  -- Rows expire by the server's clock, which does not follow the clock of a test.
  new_expires_ms CONSTANT bigint := real_ms + life_ms + CASE WHEN given_ms IS NULL THEN 0 ELSE 3600000 END;
  new_block CONSTANT bigint[] := CASE WHEN new_block_ms IS NOT NULL THEN ARRAY[new_blocked_until_ms, new_block_ms] END;
BEGIN
  IF over = '' THEN
    INSERT INTO "sluice"."entries" AS t (key, blocked_until_ms, block, cells, other, expires_ms)
      VALUES (entry_key, new_blocked_until_ms, new_block, new_cells, new_other, new_expires_ms)
      ON CONFLICT (key) DO UPDATE
        SET blocked_until_ms = new_blocked_until_ms, block = new_block, cells = new_cells, other = new_other,
          expires_ms = new_expires_ms
        WHERE t.expires_ms <= real_ms;
  ELSE
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = new_blocked_until_ms, block = new_block, cells = new_cells, other = new_other,
        expires_ms = new_expires_ms
      WHERE t.key = entry_key AND t.xmin = over::xid AND t.expires_ms > real_ms;
  END IF;
  IF FOUND THEN
    RETURN '[1]';
  END IF;
  RETURN "sluice"."entries_look_2"(given_ms, ARRAY[entry_key])::json ->> 0;
END
$function$;

-- Deletes an entry.
CREATE OR REPLACE FUNCTION "sluice"."entries_forget_2"(entry_key text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '20ms'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
BEGIN
  DELETE FROM "sluice"."entries" t WHERE t.key = entry_key;
END
$function$;

-- Lists entries in the order of their keys.
--
-- after      the last key of the previous page, '' for the first page
-- most       how many rows to examine
--
-- Result     JSON: [the last key that was examined, or null if there are no more, and then for each live entry its key, its
--            value, its expiry, and the length of its block or null]
CREATE OR REPLACE FUNCTION "sluice"."entries_export_2"(after text, most bigint)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
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
          || ',' || page.expires_ms
          || ',' || coalesce(CASE WHEN page.block[1] = page.blocked_until_ms THEN page.block[2]::text END, 'null'),
        ''
      ) FILTER (WHERE page.expires_ms > real_ms), '') || ']'
    INTO result
    FROM (SELECT * FROM "sluice"."entries" t WHERE t.key > after ORDER BY t.key LIMIT most) page;
  RETURN result;
END
$function$;

-- Writes entries under keys that have no live entry, as version 1 does.
--
-- entries    JSON: an array of { key, blocked, lasts, cells, other, expires }, where `lasts` is the length of the block or
--            null, each key once
--
-- Result     as in version 1
CREATE OR REPLACE FUNCTION "sluice"."entries_import_2"(entries json)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
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
    INSERT INTO "sluice"."entries" (key, blocked_until_ms, block, cells, other, expires_ms)
      SELECT e.key, e.blocked, CASE WHEN e.lasts IS NOT NULL THEN ARRAY[e.blocked, e.lasts] END, e.cells, e.other, e.expires
        FROM json_to_recordset(entries)
          e(key text, blocked bigint, lasts bigint, cells bigint[], other text, expires bigint)
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
      FROM json_to_recordset(entries)
        e(key text, blocked bigint, lasts bigint, cells bigint[], other text, expires bigint)
      JOIN "sluice"."entries" t ON t.key = e.key
      WHERE t.expires_ms <= real_ms AND e.expires > real_ms
      ORDER BY t.key
      FOR NO KEY UPDATE OF t
  ), renewed AS (
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = over.blocked,
          block = CASE WHEN over.lasts IS NOT NULL THEN ARRAY[over.blocked, over.lasts] END,
          cells = over.cells, other = over.other, expires_ms = over.expires
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
