-- Removes expired entries from some pages of the table, without waiting for rows that others hold. There is no index of
-- the expiry, because every charge would have to change it.
--
-- first_page, pages      the first page and how many pages to examine
-- most                   the maximum number of entries to remove
--
-- Result                 JSON: [entries removed, pages of the table]
CREATE OR REPLACE FUNCTION "sluice"."entries_sweep_1"(first_page bigint, pages bigint, most bigint)
RETURNS text
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $function$
DECLARE
  real_ms CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  first_row CONSTANT tid := format('(%s,0)', first_page);
  end_row CONSTANT tid := format('(%s,0)', first_page + pages);
  removed bigint;
BEGIN
  WITH expired AS (
    SELECT t.key
      FROM "sluice"."entries" t
      WHERE t.ctid >= first_row AND t.ctid < end_row AND t.expires_ms <= real_ms
      LIMIT most
      FOR UPDATE SKIP LOCKED
  )
  DELETE FROM "sluice"."entries" t USING expired WHERE t.key = expired.key;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN '[' || removed || ','
    || pg_relation_size('"sluice"."entries"') / current_setting('block_size')::bigint || ']';
END
$function$;
