// Written by `npm run generate` from packages/store-postgres/src/migrations/*.sql: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}

const v0001Entries: Script = {
  name: "v0001Entries",
  sha1: "d6bf52a2e566536c133069b1a30feab73803d031",
  text: `CREATE UNLOGGED TABLE IF NOT EXISTS "sluice"."entries" (
  key text COLLATE "C" PRIMARY KEY,
  blocked_until_ms bigint NOT NULL,
  cells bigint[],
  other text,
  expires_ms bigint NOT NULL
) WITH (fillfactor = 70);
`,
};

const v0003CompareAndSet: Script = {
  name: "v0003CompareAndSet",
  sha1: "b9d687311b8605cadf95c916c8af2cb92026b36c",
  text: `CREATE OR REPLACE FUNCTION "sluice"."entries_compare_and_set_1"(
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
`,
};

const v0004Sweep: Script = {
  name: "v0004Sweep",
  sha1: "8fe25a327230b8d9e7d70a6abb217a6253abdffa",
  text: `CREATE OR REPLACE FUNCTION "sluice"."entries_sweep_1"(first_page bigint, pages bigint, most bigint)
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
`,
};

const v0005Move: Script = {
  name: "v0005Move",
  sha1: "d95f8f8a629e1220612fd178f5956dc4ec122e6e",
  text: `CREATE OR REPLACE FUNCTION "sluice"."entries_export_1"(after text, most bigint)
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
`,
};

const v0006Blocks: Script = {
  name: "v0006Blocks",
  sha1: "b2e476f376652420d0aa5bb6a583ebf1325271b9",
  text: `ALTER TABLE "sluice"."entries" ADD COLUMN IF NOT EXISTS block bigint[];
`,
};

const v0007Entries: Script = {
  name: "v0007Entries",
  sha1: "36cbeac67070e488584566b881b189b500ec835d",
  text: `CREATE OR REPLACE FUNCTION "sluice"."entries_look_2"(given_ms bigint, keys text[])
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
`,
};

const v0008Decide: Script = {
  name: "v0008Decide",
  sha1: "c9634a16531f24ff62a052e8885661687a38e98d",
  text: `CREATE OR REPLACE FUNCTION "sluice"."entries_decide_2"(
  given_ms double precision,
  keys text[],
  widths integer[],
  policies double precision[],
  calls double precision[],
  waits boolean
)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '20ms'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $function$
DECLARE
  read_only CONSTANT boolean := current_setting('transaction_read_only') = 'on';
  last CONSTANT integer := cardinality(calls);
  none CONSTANT double precision[] := array_fill(NULL::double precision, ARRAY[cardinality(keys)]);
  epoch CONSTANT double precision := 35184372088832;
  safe CONSTANT double precision := 9007199254740991;
  real_ms double precision := floor(extract(epoch FROM clock_timestamp()) * 1000);
  now_ms double precision := coalesce(given_ms, real_ms);
  spare_ms CONSTANT double precision := CASE WHEN given_ms IS NULL THEN 0 ELSE 3600000 END;

  versions xid[];                  -- the transaction that wrote the row; NULL: there is none
  blocked double precision[];      -- until when; NULL: the entry can't be read
  lasts double precision[];        -- how long that block is; NULL: unknown
  c1 double precision[];           -- the state, of which a log is text
  c2 double precision[];
  c3 double precision[];
  c4 double precision[];
  c5 double precision[];
  logs text[];
  lives double precision[];        -- how long a charged entry is kept from now; NULL: it was not charged
  repairs double precision[];      -- the same for one that was corrected

  found_blocked double precision[];
  found_lasts double precision[];
  found_c1 double precision[];
  found_c2 double precision[];
  found_c3 double precision[];
  found_c4 double precision[];
  found_c5 double precision[];
  found_logs text[];
  found_expires_ms double precision[];
  busy boolean[];                  -- another transaction holds it
  inserted boolean[];              -- by a subtransaction of this batch
  locked boolean[];                -- NULL: it was not charged in the first pass
  ours boolean[];                  -- whether this batch wrote it
  written integer;
  own xid;
  known record;

  result double precision[] := array_fill(NULL::double precision, ARRAY[2 * last]);
  at integer;                      -- where the next admission begins in calls
  place integer;                   -- and in result
  charging boolean;
  claims integer;
  first integer;
  home integer;
  verdict integer;
  stuck integer;                   -- the entry that another transaction holds
  i integer;
  k integer;
  entry integer;
  policy integer;
  algorithm integer;
  cost double precision;
  x double precision;
  y double precision;
  z double precision;
  fits boolean;
  shortened boolean;               -- the block was
  corrected boolean;               -- the state was
  until_ms double precision;
  s1 double precision;             -- the state as it stands: what is reported of it
  s2 double precision;
  s3 double precision;
  start_ms double precision;       -- the time in the name of a window
  used double precision;           -- units missing from a bucket: see token-bucket.ts
  part double precision;
  log double precision[];
  size integer;
BEGIN
  IF NOT waits THEN
    PERFORM set_config('lock_timeout', '1', true);
  END IF;
  SELECT array_agg(e.version), array_agg(e.blocked_until_ms), array_agg(e.lasts), array_agg(e.cells[1]),
      array_agg(e.cells[2]), array_agg(e.cells[3]), array_agg(e.cells[4]), array_agg(e.cells[5]), array_agg(e.log),
      array_agg(e.expires_ms)
    INTO versions, blocked, lasts, c1, c2, c3, c4, c5, logs, found_expires_ms
    FROM (
      SELECT t.xmin AS version, t.expires_ms,
          CASE WHEN t.expires_ms > real_ms AND t.block[1] = t.blocked_until_ms THEN t.block[2] END AS lasts,
          CASE WHEN t.expires_ms > real_ms THEN t.cells END AS cells,
          CASE WHEN t.expires_ms > real_ms AND widths[n] = 0 THEN t.cells::text END AS log,
          CASE
            WHEN t.expires_ms > real_ms IS NOT TRUE THEN 0
            WHEN t.other IS NULL AND (t.cells IS NULL OR widths[n] IN (0, cardinality(t.cells))) THEN t.blocked_until_ms
          END AS blocked_until_ms
        FROM generate_series(1, cardinality(keys)) n
        LEFT JOIN "sluice"."entries" t ON t.key = keys[n]
        ORDER BY n
    ) e;
  found_blocked := blocked;
  found_lasts := lasts;
  found_c1 := c1;
  found_c2 := c2;
  found_c3 := c3;
  found_c4 := c4;
  found_c5 := c5;
  found_logs := logs;
  lives := none;
  repairs := none;

  FOR pass IN 1 .. 2 LOOP
    at := 1;
    place := 0;
    WHILE at < last LOOP
      charging := calls[at] = 1;
      claims := calls[at + 1];
      first := at + 2;
      at := first + 3 * claims;
      home := place;
      place := home + 2 + 4 * claims;
      IF pass = 2 THEN
        CONTINUE WHEN NOT EXISTS (
          SELECT FROM generate_series(first, at - 1, 3) c WHERE locked[calls[c]::integer] IS NOT NULL
        );
        result[home + 1 : place] := array_fill(NULL::double precision, ARRAY[place - home]);
      END IF;
      verdict := 1;
      FOR visit IN 1 .. CASE claims WHEN 1 THEN 1 ELSE 2 * claims END LOOP
        i := first + 3 * ((visit - 1) % claims);
        entry := calls[i];
        policy := 4 * calls[i + 1];
        cost := calls[i + 2];
        algorithm := policies[policy - 3];
        x := policies[policy - 2];
        y := policies[policy - 1];
        z := policies[policy];

        until_ms := blocked[entry];
        shortened := coalesce(until_ms - now_ms > lasts[entry], false);
        IF shortened THEN
          until_ms := now_ms + lasts[entry];
        END IF;

        corrected := false;
        IF algorithm = 1 THEN
          used := CASE WHEN c1[entry] >= now_ms THEN (c1[entry] - now_ms) * c3[entry] + c2[entry] ELSE 0 END;
          s3 := c5[entry];
          IF used = 0 THEN
            s1 := now_ms;
            s2 := 0;
            s3 := CASE WHEN s3 >= now_ms THEN s3 + 1 ELSE now_ms END;
          ELSIF c3[entry] = x AND c4[entry] = y AND used <= z * y THEN
            s1 := c1[entry];
            s2 := c2[entry];
          ELSE
            corrected := true;
            part := floor(used / c4[entry]);
            IF (c3[entry] = x AND c4[entry] = y) OR part >= z OR used > safe THEN
              used := z * y;
            ELSE
              s1 := part * y + y;
              s2 := c4[entry] - (used - part * c4[entry]);
              IF s2 * y <= safe THEN
                used := s1 - floor(s2 * y / c4[entry]);
              ELSE
                used := s1 - div(s2::bigint::numeric * y::bigint::numeric, c4[entry]::bigint::numeric);
              END IF;
            END IF;
            s1 := now_ms + floor(used / x);
            s2 := used - floor(used / x) * x;
            s3 := CASE WHEN s3 >= now_ms THEN s3 + 1 ELSE now_ms END;
          END IF;
          fits := cost * y <= z * y - used;
        ELSIF algorithm = 2 THEN
          s1 := c1[entry];
          s2 := c2[entry];
          s3 := NULL;
          start_ms := CASE WHEN s1 < epoch THEN s1 ELSE s1 - floor(s1 / epoch) * epoch END;
          IF start_ms > now_ms AND s2 <> 0 THEN
            corrected := true;
            s1 := now_ms;
            start_ms := now_ms;
          END IF;
          IF s1 IS NULL OR s2 = 0 OR now_ms - start_ms >= y THEN
            s1 := CASE WHEN start_ms = now_ms AND s1 + epoch <= safe THEN s1 + epoch ELSE now_ms END;
            s2 := 0;
            start_ms := now_ms;
          END IF;
          fits := s2 + cost <= x;
        ELSIF algorithm = 3 THEN
          s1 := c1[entry];
          s2 := c2[entry];
          s3 := c3[entry];
          start_ms := CASE WHEN s1 < epoch THEN s1 ELSE s1 - floor(s1 / epoch) * epoch END;
          IF start_ms > now_ms AND (s2 <> 0 OR s3 <> 0) THEN
            corrected := true;
            s1 := now_ms;
            start_ms := now_ms;
          END IF;
          IF s1 IS NULL OR now_ms - start_ms >= 2 * y THEN
            s2 := 0;
            s3 := 0;
          ELSIF now_ms - start_ms >= y THEN
            IF s3 <> 0 THEN
              s1 := start_ms + y;
              start_ms := s1;
            END IF;
            s2 := s3;
            s3 := 0;
          END IF;
          IF s2 = 0 AND s3 = 0 THEN
            s1 := CASE WHEN start_ms = now_ms AND s1 + epoch <= safe THEN s1 + epoch ELSE now_ms END;
            start_ms := now_ms;
          END IF;
          used := y - least(y, start_ms + y - now_ms);
          IF s2 * used <= safe THEN
            used := floor(s2 * used / y);
          ELSE
            used := div(s2::bigint::numeric * used::bigint::numeric, y::bigint::numeric);
          END IF;
          fits := cost <= x - s3 - (s2 - used);
        ELSIF algorithm = 4 THEN
          log := coalesce(logs[entry], '{}')::double precision[];
          size := cardinality(log);
          i := 1;
          WHILE i < size AND log[i] - floor(log[i] / epoch) * epoch + y <= now_ms LOOP
            i := i + 2;
          END LOOP;
          used := 0;
          k := size;
          WHILE k > i AND log[k - 1] - floor(log[k - 1] / epoch) * epoch > now_ms LOOP
            used := used + log[k];
            k := k - 2;
          END LOOP;
          IF i > 1 OR k < size THEN
            log := log[i : k];
            size := greatest(k - i + 1, 0);
          END IF;
          IF used > 0 THEN
            corrected := true;
            IF size > 0 AND (log[size] = 0 OR log[size - 1] - floor(log[size - 1] / epoch) * epoch = now_ms) THEN
              IF log[size] = 0 THEN
                log[size - 1] := CASE
                  WHEN log[size - 1] - floor(log[size - 1] / epoch) * epoch <> now_ms THEN now_ms
                  WHEN log[size - 1] + epoch > safe THEN now_ms
                  ELSE log[size - 1] + epoch
                END;
              END IF;
              log[size] := log[size] + used;
            ELSE
              log := log || ARRAY[now_ms, used];
              size := size + 2;
            END IF;
          END IF;
          s1 := 0;
          FOR j IN 2 .. size BY 2 LOOP
            s1 := s1 + log[j];
          END LOOP;
          s2 := CASE WHEN size > 0 THEN log[size - 1] ELSE -1 END;
          s3 := -1;
          fits := s1 + cost <= x;
        ELSE
          RAISE undefined_function USING MESSAGE = 'unknown algorithm';
        END IF;

        IF visit <= claims THEN
          verdict := CASE
            WHEN until_ms IS NULL OR fits IS NULL OR verdict = -1 THEN -1
            WHEN verdict = 0 OR NOT fits OR until_ms > now_ms THEN 0
            WHEN verdict < 0 OR NOT charging THEN verdict
            WHEN read_only THEN -4
            WHEN pass = 1 OR locked[entry] THEN 1
            WHEN busy[entry] THEN -3
            ELSE -2
          END;
          IF verdict = -3 AND busy[entry] THEN
            stuck := entry;
          END IF;
        END IF;
        CONTINUE WHEN verdict < 0 OR (visit <= claims AND claims > 1);

        IF charging AND verdict = 1 THEN
          IF algorithm = 1 THEN
            used := used + cost * y;
            s1 := now_ms + floor(used / x);
            s2 := used - floor(used / x) * x;
            c1[entry] := s1;
            c2[entry] := s2;
            c3[entry] := x;
            c4[entry] := y;
            c5[entry] := s3;
            lives[entry] := ceil(used / x);
          ELSIF algorithm = 2 THEN
            s2 := s2 + cost;
            c1[entry] := s1;
            c2[entry] := s2;
            lives[entry] := start_ms + y - now_ms;
          ELSIF algorithm = 3 THEN
            s3 := s3 + cost;
            c1[entry] := s1;
            c2[entry] := s2;
            c3[entry] := s3;
            lives[entry] := start_ms + 2 * y - now_ms;
          ELSIF algorithm = 4 THEN
            IF size > 0 AND (log[size] = 0 OR s2 - floor(s2 / epoch) * epoch = now_ms) THEN
              IF log[size] = 0 THEN
                s2 := CASE
                  WHEN s2 - floor(s2 / epoch) * epoch <> now_ms THEN now_ms
                  WHEN s2 + epoch > safe THEN now_ms
                  ELSE s2 + epoch
                END;
                log[size - 1] := s2;
              END IF;
              log[size] := log[size] + cost;
            ELSE
              s2 := now_ms;
              log := log || ARRAY[now_ms, cost];
            END IF;
            s1 := s1 + cost;
            logs[entry] := log::bigint[]::text;
            lives[entry] := y;
          END IF;
        ELSE
          IF algorithm = 4 THEN
            IF NOT fits AND cost <= x THEN
              used := s1;
              i := 1;
              WHILE used + cost > x LOOP
                used := used - log[i + 1];
                s3 := log[i] - floor(log[i] / epoch) * epoch + y;
                i := i + 2;
              END LOOP;
            END IF;
          END IF;
          IF corrected OR shortened THEN
            blocked[entry] := until_ms;
            IF algorithm = 1 THEN
              part := ceil(used / x);
            ELSIF algorithm = 2 THEN
              part := CASE WHEN s2 > 0 THEN start_ms + y - now_ms END;
            ELSIF algorithm = 3 THEN
              part := CASE WHEN s3 > 0 THEN start_ms + 2 * y - now_ms WHEN s2 > 0 THEN start_ms + y - now_ms END;
            ELSIF algorithm = 4 THEN
              part := CASE WHEN s1 > 0 THEN s2 - floor(s2 / epoch) * epoch + y - now_ms END;
            END IF;
            repairs[entry] := greatest(1, part);
          END IF;
          IF corrected THEN
            IF algorithm = 1 THEN
              c1[entry] := s1;
              c2[entry] := s2;
              c3[entry] := x;
              c4[entry] := y;
              c5[entry] := s3;
            ELSIF algorithm = 2 THEN
              c1[entry] := now_ms;
            ELSIF algorithm = 3 THEN
              c1[entry] := now_ms;
            ELSIF algorithm = 4 THEN
              logs[entry] := log::bigint[]::text;
            END IF;
          END IF;
        END IF;
        i := place - 4 * (claims - (visit - 1) % claims);
        result[i + 1] := until_ms;
        result[i + 2] := s1;
        result[i + 3] := s2;
        result[i + 4] := s3;
      END LOOP;
      result[home + 1] := now_ms;
      result[home + 2] := verdict;
      IF verdict = -3 THEN
        result[home + 3] := stuck;
      END IF;
    END LOOP;
    EXIT WHEN pass = 2 OR lives = none;

    written := 0;
    IF array_position(versions, NULL) IS NOT NULL THEN
      IF waits THEN
        INSERT INTO "sluice"."entries" (key, blocked_until_ms, cells, expires_ms)
          SELECT keys[n], 0,
              CASE widths[n] WHEN 0 THEN logs[n]::bigint[] ELSE (ARRAY[c1[n], c2[n], c3[n], c4[n], c5[n]])[1 : widths[n]] END,
              real_ms + spare_ms + lives[n]
            FROM generate_series(1, cardinality(keys)) n
            WHERE lives[n] IS NOT NULL AND versions[n] IS NULL
            ORDER BY keys[n] COLLATE "C"
          ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS written = ROW_COUNT;
      ELSE
        FOR known IN
          SELECT n FROM generate_series(1, cardinality(keys)) n
            WHERE lives[n] IS NOT NULL AND versions[n] IS NULL
            ORDER BY random()
        LOOP
          entry := known.n;
          IF extract(epoch FROM clock_timestamp()) * 1000 > real_ms + 50 THEN
            busy[entry] := true;
            CONTINUE;
          END IF;
          BEGIN
            INSERT INTO "sluice"."entries" (key, blocked_until_ms, cells, expires_ms)
              VALUES (
                keys[entry], 0,
                CASE widths[entry] WHEN 0 THEN logs[entry]::bigint[] ELSE (ARRAY[c1[entry], c2[entry], c3[entry], c4[entry], c5[entry]])[1 : widths[entry]] END,
                real_ms + spare_ms + lives[entry]
              )
              ON CONFLICT DO NOTHING;
            inserted[entry] := FOUND;
            written := written + FOUND::integer;
          EXCEPTION WHEN lock_not_available THEN
            busy[entry] := true;
          END;
        END LOOP;
      END IF;
    END IF;
    IF NOT waits THEN
      FOR known IN
        SELECT n FROM generate_series(1, cardinality(keys)) n
          WHERE lives[n] IS NOT NULL AND versions[n] IS NOT NULL
      LOOP
        busy[known.n] := true;
      END LOOP;
      FOR known IN
        SELECT n FROM generate_series(1, cardinality(keys)) n
          JOIN "sluice"."entries" l ON l.key = keys[n]
          WHERE lives[n] IS NOT NULL AND versions[n] IS NOT NULL
          FOR NO KEY UPDATE OF l SKIP LOCKED
      LOOP
        busy[known.n] := false;
      END LOOP;
    END IF;
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = blocked[n],
          block = CASE WHEN lasts[n] IS NOT NULL THEN ARRAY[blocked[n], lasts[n]] END,
          cells = CASE widths[n] WHEN 0 THEN logs[n]::bigint[] ELSE (ARRAY[c1[n], c2[n], c3[n], c4[n], c5[n]])[1 : widths[n]] END,
          other = NULL,
          expires_ms = real_ms + spare_ms + lives[n]
      FROM (
        SELECT n
          FROM generate_series(1, cardinality(keys)) n
          JOIN "sluice"."entries" l ON l.key = keys[n]
          WHERE lives[n] IS NOT NULL AND versions[n] IS NOT NULL AND busy[n] IS NOT TRUE
          ORDER BY l.key
          FOR NO KEY UPDATE OF l
      ) charged
      WHERE t.key = keys[n] AND t.xmin = versions[n];
    GET DIAGNOSTICS size = ROW_COUNT;
    EXIT WHEN written + size = cardinality(array_remove(lives, NULL));

    own := pg_current_xact_id()::xid;
    real_ms := floor(extract(epoch FROM clock_timestamp()) * 1000);
    now_ms := coalesce(given_ms, real_ms);
    FOR known IN
      SELECT n, t.xmin AS version, coalesce(t.xmin = own OR inserted[n], false) AS ours,
          coalesce(own IN (t.xmin, t.xmax) OR inserted[n], false) AS locked, coalesce(t.expires_ms > real_ms, false) AS alive,
          t.blocked_until_ms, CASE WHEN t.block[1] = t.blocked_until_ms THEN t.block[2] END AS lasts, t.cells, t.other
        FROM generate_series(1, cardinality(keys)) n
        LEFT JOIN "sluice"."entries" t ON t.key = keys[n]
        WHERE lives[n] IS NOT NULL
    LOOP
      entry := known.n;
      ours[entry] := known.ours;
      locked[entry] := known.locked;
      repairs[entry] := NULL;
      IF known.version IS NULL AND versions[entry] IS NOT NULL THEN
        busy[entry] := false;
      END IF;
      IF known.ours THEN
        blocked[entry] := found_blocked[entry];
        lasts[entry] := found_lasts[entry];
        c1[entry] := found_c1[entry];
        c2[entry] := found_c2[entry];
        c3[entry] := found_c3[entry];
        c4[entry] := found_c4[entry];
        c5[entry] := found_c5[entry];
        logs[entry] := found_logs[entry];
        CONTINUE;
      END IF;
      IF NOT known.alive THEN
        known.cells := NULL;
        known.lasts := NULL;
      END IF;
      c1[entry] := known.cells[1];
      c2[entry] := known.cells[2];
      c3[entry] := known.cells[3];
      c4[entry] := known.cells[4];
      c5[entry] := known.cells[5];
      logs[entry] := CASE widths[entry] WHEN 0 THEN known.cells::text END;
      lasts[entry] := known.lasts;
      blocked[entry] := CASE
        WHEN NOT known.alive THEN 0
        WHEN known.other IS NULL AND (known.cells IS NULL OR widths[entry] IN (0, cardinality(known.cells)))
          THEN known.blocked_until_ms
      END;
    END LOOP;
    lives := none;
  END LOOP;

  IF ours IS NOT NULL THEN
    DELETE FROM "sluice"."entries" t
      USING generate_series(1, cardinality(keys)) n
      WHERE t.key = keys[n] AND ours[n] AND versions[n] IS NULL AND lives[n] IS NULL;
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = blocked[n],
          block = CASE WHEN lasts[n] IS NOT NULL THEN ARRAY[blocked[n], lasts[n]] END,
          cells = CASE
            WHEN widths[n] = 0 THEN logs[n]::bigint[]
            WHEN c1[n] IS NOT NULL THEN (ARRAY[c1[n], c2[n], c3[n], c4[n], c5[n]])[1 : widths[n]]
          END,
          other = NULL,
          expires_ms = CASE
            WHEN lives[n] IS NULL AND repairs[n] IS NULL THEN found_expires_ms[n]
            ELSE real_ms + spare_ms + greatest(coalesce(lives[n], repairs[n]), blocked[n] - now_ms)
          END
      FROM generate_series(1, cardinality(keys)) n
      WHERE t.key = keys[n] AND (ours[n] OR lives[n] IS NOT NULL OR (locked[n] AND repairs[n] IS NOT NULL));
  END IF;
  IF NOT read_only AND repairs <> none THEN
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = blocked[n],
          block = CASE WHEN lasts[n] IS NOT NULL THEN ARRAY[blocked[n], lasts[n]] END,
          cells = CASE
            WHEN widths[n] = 0 THEN logs[n]::bigint[]
            WHEN c1[n] IS NOT NULL THEN (ARRAY[c1[n], c2[n], c3[n], c4[n], c5[n]])[1 : widths[n]]
          END,
          expires_ms = real_ms + spare_ms + greatest(repairs[n], blocked[n] - now_ms)
      FROM (
        SELECT n
          FROM generate_series(1, cardinality(keys)) n
          JOIN "sluice"."entries" l ON l.key = keys[n]
          WHERE repairs[n] IS NOT NULL AND lives[n] IS NULL AND locked[n] IS NULL
          FOR NO KEY UPDATE OF l SKIP LOCKED
      ) corrected_entries
      WHERE t.key = keys[n] AND t.xmin = versions[n];
  END IF;
  RETURN '[' || array_to_string(result::bigint[], ',') || ']';
END
$function$;
`,
};

export const migrations: readonly Script[] = [v0001Entries, v0003CompareAndSet, v0004Sweep, v0005Move, v0006Blocks, v0007Entries, v0008Decide];
