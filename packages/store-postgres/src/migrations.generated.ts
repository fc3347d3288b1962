// Written by `npm run generate` from packages/store-postgres/src/migrations/*.sql: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}

export const v0001Entries: Script = {
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

export const v0002Decide: Script = {
  name: "v0002Decide",
  sha1: "49ce96e8670671c0876ef4c18fa64a9a5f2dd537",
  text: `CREATE OR REPLACE FUNCTION "sluice"."entries_decide_1"(
  given_ms double precision,
  keys text[],
  widths integer[],
  policies double precision[],
  calls double precision[]
)
RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $function$
DECLARE
  last CONSTANT integer := cardinality(calls);
  real_ms double precision := floor(extract(epoch FROM clock_timestamp()) * 1000);
  now_ms double precision := coalesce(given_ms, real_ms);
  spare_ms CONSTANT double precision := CASE WHEN given_ms IS NULL THEN 0 ELSE 3600000 END;

  versions xid[];                  -- of the row; NULL: there is none
  blocked double precision[];      -- until when; NULL: the entry can't be read
  c1 double precision[];
  c2 double precision[];
  c3 double precision[];
  c4 double precision[];
  c5 double precision[];
  logs text[];
  lives double precision[];        -- how long a charged entry is kept from now; NULL: it was not charged
  locked boolean[];

  result double precision[] := array_fill(NULL::double precision, ARRAY[2 * last]);
  unsettled boolean[];             -- admissions to decide again if an entry has changed
  at integer;
  place integer;
  admission integer;
  home integer;
  charging boolean;
  claims integer;
  first integer;
  verdict integer;
  touched boolean;
  i integer;
  entry integer;
  policy integer;
  cost double precision;
  x double precision;
  y double precision;
  z double precision;
  fits boolean;
  s1 double precision;             -- the settled state: what is reported of it
  s2 double precision;
  s3 double precision;
  used double precision;           -- of a bucket, the units missing: see token-bucket.ts
  log double precision[];
  size integer;
  own xid;
  charged integer;
  unchanged integer;
  changed boolean := false;
  held text[];
  known record;
BEGIN
  SELECT array_agg(e.version), array_agg(e.blocked_until_ms), array_agg(e.cells[1]), array_agg(e.cells[2]),
      array_agg(e.cells[3]), array_agg(e.cells[4]), array_agg(e.cells[5]), array_agg(e.log)
    INTO versions, blocked, c1, c2, c3, c4, c5, logs
    FROM (
      SELECT t.xmin AS version,
          CASE WHEN t.expires_ms > real_ms THEN t.cells END AS cells,
          CASE WHEN t.expires_ms > real_ms AND k.width = 0 THEN t.cells::text END AS log,
          CASE
            WHEN t.expires_ms > real_ms IS NOT TRUE THEN 0
            WHEN t.other IS NULL AND (t.cells IS NULL OR k.width IN (0, cardinality(t.cells))) THEN t.blocked_until_ms
          END AS blocked_until_ms
        FROM unnest(keys, widths) WITH ORDINALITY k (key, width, n)
        LEFT JOIN "sluice"."entries" t ON t.key = k.key
        ORDER BY k.n
    ) e;

  FOR pass IN 1 .. 2 LOOP
    lives := array_fill(NULL::double precision, ARRAY[cardinality(keys)]);
    charged := 0;
    at := 1;
    place := 0;
    admission := 0;
    WHILE at < last LOOP
      admission := admission + 1;
      charging := calls[at] = 1;
      claims := calls[at + 1];
      first := at + 2;
      at := first + 3 * claims;
      home := place;
      place := home + 2 + 4 * claims;
      IF pass = 2 THEN
        CONTINUE WHEN unsettled[admission] IS NOT TRUE;
        result[home + 1 : place] := array_fill(NULL::double precision, ARRAY[place - home]);
      END IF;
      verdict := 1;
      touched := false;
      FOR visit IN 1 .. CASE claims WHEN 1 THEN 1 ELSE 2 * claims END LOOP
        i := first + 3 * ((visit - 1) % claims);
        entry := calls[i];
        policy := 4 * calls[i + 1] - 3;
        cost := calls[i + 2];
        x := policies[policy + 1];
        y := policies[policy + 2];
        z := policies[policy + 3];
        CASE policies[policy]
          WHEN 1 THEN
            s1 := c1[entry];
            s2 := c2[entry];
            s3 := c5[entry];
            IF s1 IS NULL OR s1 < now_ms THEN
              used := 0;
            ELSE
              used := (s1 - now_ms) * c3[entry] + s2;
              IF c3[entry] <> x OR c4[entry] <> y THEN
                used := least(ceil(used / c4[entry]), z) * y;
                s1 := now_ms + floor(used / x);
                s2 := used - floor(used / x) * x;
              END IF;
            END IF;
            IF used = 0 THEN
              s1 := now_ms;
              s2 := 0;
              s3 := now_ms;
            END IF;
            fits := cost * y <= z * y - used;
          WHEN 2 THEN
            s1 := c1[entry];
            s2 := c2[entry];
            s3 := NULL;
            IF s1 IS NULL OR s2 = 0 OR now_ms - s1 >= y THEN
              s1 := now_ms;
              s2 := 0;
            END IF;
            fits := s2 + cost <= x;
          WHEN 3 THEN
            s1 := c1[entry];
            s2 := c2[entry];
            s3 := c3[entry];
            IF s1 IS NULL OR now_ms - s1 >= 2 * y THEN
              s2 := 0;
              s3 := 0;
            ELSIF now_ms - s1 >= y THEN
              s1 := s1 + y;
              s2 := s3;
              s3 := 0;
            END IF;
            IF s2 = 0 AND s3 = 0 THEN
              s1 := now_ms;
            END IF;
            used := y - least(y, s1 + y - now_ms);
            IF s2 * used <= 9007199254740991 THEN
              used := floor(s2 * used / y);
            ELSE
              used := div(s2::bigint::numeric * used::bigint::numeric, y::bigint::numeric);
            END IF;
            fits := cost <= x - s3 - (s2 - used);
          WHEN 4 THEN
            log := coalesce(logs[entry], '{}')::double precision[];
            size := cardinality(log);
            i := 1;
            WHILE i < size AND log[i] + y <= now_ms LOOP
              i := i + 2;
            END LOOP;
            IF i > 1 THEN
              log := log[i:];
              size := size - i + 1;
            END IF;
            s1 := 0;
            FOR j IN 2 .. size BY 2 LOOP
              s1 := s1 + log[j];
            END LOOP;
            s2 := CASE WHEN size > 0 THEN log[size - 1] ELSE -1 END;
            s3 := -1;
            fits := s1 + cost <= x;
        END CASE;

        IF visit <= claims THEN
          touched := touched OR lives[entry] IS NOT NULL;
          IF blocked[entry] IS NULL OR fits IS NULL THEN
            verdict := -1;
          ELSIF verdict = 1 AND (NOT fits OR blocked[entry] > now_ms) THEN
            verdict := 0;
          ELSIF verdict = 1 AND pass = 2 AND charging AND locked[entry] IS NOT TRUE THEN
            verdict := -2;
          END IF;
        END IF;
        CONTINUE WHEN verdict < 0 OR (visit <= claims AND claims > 1);

        IF charging AND verdict = 1 THEN
          IF lives[entry] IS NULL THEN
            charged := charged + 1;
          END IF;
          CASE policies[policy]
            WHEN 1 THEN
              used := used + cost * y;
              s1 := now_ms + floor(used / x);
              s2 := used - floor(used / x) * x;
              c1[entry] := s1;
              c2[entry] := s2;
              c3[entry] := x;
              c4[entry] := y;
              c5[entry] := s3;
              lives[entry] := ceil(used / x);
            WHEN 2 THEN
              s2 := s2 + cost;
              c1[entry] := s1;
              c2[entry] := s2;
              lives[entry] := s1 + y - now_ms;
            WHEN 3 THEN
              s3 := s3 + cost;
              c1[entry] := s1;
              c2[entry] := s2;
              c3[entry] := s3;
              lives[entry] := s1 + 2 * y - now_ms;
            WHEN 4 THEN
              s1 := s1 + cost;
              IF s2 >= now_ms THEN
                log[size] := log[size] + cost;
              ELSE
                s2 := now_ms;
                log := log || ARRAY[now_ms, cost];
              END IF;
              logs[entry] := log::bigint[]::text;
              lives[entry] := s2 + y - now_ms;
          END CASE;
        ELSIF policies[policy] = 4 AND NOT fits AND cost <= x THEN
          used := s1;
          i := 1;
          WHILE used + cost > x LOOP
            used := used - log[i + 1];
            s3 := log[i] + y;
            i := i + 2;
          END LOOP;
        END IF;
        i := place - 4 * claims + 4 * ((visit - 1) % claims);
        result[i + 1] := blocked[entry];
        result[i + 2] := s1;
        result[i + 3] := s2;
        result[i + 4] := s3;
      END LOOP;
      result[home + 1] := now_ms;
      result[home + 2] := verdict;
      IF pass = 1 AND (touched OR (charging AND verdict = 1)) THEN
        unsettled[admission] := true;
      END IF;
    END LOOP;
    EXIT WHEN pass = 2 OR charged = 0;

    IF array_position(versions, NULL) IS NOT NULL THEN
      INSERT INTO "sluice"."entries" (key, blocked_until_ms, cells, expires_ms)
        SELECT u.key, u.blocked,
            CASE
              WHEN u.log IS NOT NULL THEN u.log::bigint[]
              WHEN u.c5 IS NOT NULL THEN ARRAY[u.c1, u.c2, u.c3, u.c4, u.c5]
              WHEN u.c3 IS NOT NULL THEN ARRAY[u.c1, u.c2, u.c3]
              ELSE ARRAY[u.c1, u.c2]
            END,
            real_ms + spare_ms + greatest(u.life, u.blocked - now_ms)
          FROM unnest(keys, versions, blocked, c1, c2, c3, c4, c5, logs, lives)
            u (key, version, blocked, c1, c2, c3, c4, c5, log, life)
          WHERE u.life IS NOT NULL AND u.version IS NULL
          ORDER BY u.key COLLATE "C"
        ON CONFLICT DO NOTHING;
    END IF;
    own := pg_current_xact_id_if_assigned()::xid;
    SELECT count(*) FILTER (WHERE l.version = coalesce(l.seen, own)), array_agg(l.key)
      INTO unchanged, held
      FROM (
        SELECT t.key, t.xmin AS version, u.version AS seen
          FROM unnest(keys, versions, lives) u (key, version, life)
          JOIN "sluice"."entries" t ON t.key = u.key
          WHERE u.life IS NOT NULL
          ORDER BY t.key
          FOR NO KEY UPDATE OF t
      ) l;
    EXIT WHEN unchanged = charged;

    changed := true;
    own := pg_current_xact_id()::xid;
    real_ms := floor(extract(epoch FROM clock_timestamp()) * 1000);
    now_ms := coalesce(given_ms, real_ms);
    FOR entry IN 1 .. cardinality(keys) LOOP
      CONTINUE WHEN lives[entry] IS NULL;
      SELECT t.cells, t.other, t.blocked_until_ms
        INTO known
        FROM "sluice"."entries" t
        WHERE t.key = keys[entry] AND t.key = ANY (held) AND t.xmin <> own AND t.expires_ms > real_ms;
      locked[entry] := keys[entry] = ANY (held);
      blocked[entry] := CASE
        WHEN NOT FOUND THEN 0
        WHEN known.other IS NULL AND (known.cells IS NULL OR widths[entry] IN (0, cardinality(known.cells)))
          THEN known.blocked_until_ms
      END;
      c1[entry] := known.cells[1];
      c2[entry] := known.cells[2];
      c3[entry] := known.cells[3];
      c4[entry] := known.cells[4];
      c5[entry] := known.cells[5];
      logs[entry] := CASE widths[entry] WHEN 0 THEN known.cells::text END;
    END LOOP;
  END LOOP;

  IF charged > 0 THEN
    UPDATE "sluice"."entries" t
      SET blocked_until_ms = u.blocked,
          cells = CASE
            WHEN u.log IS NOT NULL THEN u.log::bigint[]
            WHEN u.c5 IS NOT NULL THEN ARRAY[u.c1, u.c2, u.c3, u.c4, u.c5]
            WHEN u.c3 IS NOT NULL THEN ARRAY[u.c1, u.c2, u.c3]
            ELSE ARRAY[u.c1, u.c2]
          END,
          other = NULL,
          expires_ms = real_ms + spare_ms + greatest(u.life, u.blocked - now_ms)
      FROM unnest(keys, versions, blocked, c1, c2, c3, c4, c5, logs, lives)
        u (key, version, blocked, c1, c2, c3, c4, c5, log, life)
      WHERE t.key = u.key AND u.life IS NOT NULL AND (changed OR u.version IS NOT NULL);
  END IF;
  IF changed THEN
    DELETE FROM "sluice"."entries" t
      USING unnest(keys, lives) u (key, life)
      WHERE t.key = u.key AND u.life IS NULL AND t.xmin = own;
  END IF;
  RETURN '[' || array_to_string(result::bigint[], ',') || ']';
END
$function$;
`,
};

export const v0003CompareAndSet: Script = {
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

export const v0004Sweep: Script = {
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
