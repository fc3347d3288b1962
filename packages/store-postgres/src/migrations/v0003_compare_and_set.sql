-- Writes an entry if it still has the version that the caller saw. Otherwise, and if there is nothing to write, looks at
-- it.
--
-- given_ms      the time in milliseconds, NULL for the server's
-- entry_key     the entry
-- over          the version that the caller saw, '' for none, NULL to look only
-- new_blocked_until_ms, new_cells, new_other, life_ms      the value to write, and its lifetime
--
-- Result        JSON: [1] if it was written, otherwise [0, the time], followed by the version and value of any entry
CREATE OR REPLACE FUNCTION "sluice"."entries_compare_and_set_1"(
  given_ms bigint,
  entry_key text,
  over text,
  new_blocked_until_ms bigint,
  new_cells bigint[],
  new_other text,
  life_ms bigint
)
RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
  real_ms CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  -- Rows expire by the server's clock, which does not follow the clock of a test.
  new_expires_ms CONSTANT bigint := real_ms + life_ms + CASE WHEN given_ms IS NULL THEN 0 ELSE 3600000 END;
  seen text;
BEGIN
  IF over = '' THEN
    INSERT INTO "sluice"."entries" AS t (key, blocked_until_ms, cells, other, expires_ms)
      VALUES (entry_key, new_blocked_until_ms, new_cells, new_other, new_expires_ms)
      ON CONFLICT (key) DO UPDATE
        SET blocked_until_ms = new_blocked_until_ms, cells = new_cells, other = new_other, expires_ms = new_expires_ms
        WHERE t.expires_ms <= real_ms;
  ELSE
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = new_blocked_until_ms, cells = new_cells, other = new_other, expires_ms = new_expires_ms
      WHERE t.key = entry_key AND t.xmin = over::xid AND t.expires_ms > real_ms;
  END IF;
  IF FOUND THEN
    RETURN '[1]';
  END IF;

  SELECT ',"' || t.xmin || '",'
      || coalesce(t.other, '[1,' || t.blocked_until_ms || ',' || coalesce(to_json(t.cells)::text, 'null') || ']')
    INTO seen
    FROM "sluice"."entries" t
    WHERE t.key = entry_key AND t.expires_ms > real_ms;
  RETURN '[0,' || coalesce(given_ms, real_ms) || coalesce(seen, '') || ']';
END
$function$;

-- Deletes an entry.
CREATE OR REPLACE FUNCTION "sluice"."entries_forget_1"(entry_key text)
RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
BEGIN
  DELETE FROM "sluice"."entries" t WHERE t.key = entry_key;
END
$function$;
