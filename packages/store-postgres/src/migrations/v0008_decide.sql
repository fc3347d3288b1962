-- Decides a batch of admissions, each completely or not at all.
--
-- If you change this function or a piece in `includes/`, give it the next version: rename the file. The old text is not
-- kept, because the function is replaced completely.
--
-- given_ms   the time in milliseconds, NULL for the server's
-- keys       the entries, each once
-- widths     for each key, how many numbers its state has (1 to 5), 0 for any count
-- policies   four numbers each: the algorithm and up to three that it reads
-- calls      for each admission 1 to charge or 0 to look, its number of claims, and then for each claim its entry, its policy
--            (both counted from 1) and its cost
-- waits      whether to wait for rows that others hold. The wait ends after `lock_timeout` with an error, and the whole
--            batch is undone. Without waiting, such rows are skipped.
--
-- Result     a JSON array of whole numbers. For each admission the time and a verdict: 1 (allowed), 0 (denied), -1 (an entry
--            can't be read), -2 (not decided, ask again), -3 (another transaction holds a row that has to be written) or -4
--            (the server is read-only and a row has to be written). After -3 follows the entry of that row. After 1 and 0
--            follow, for each claim, the time until which the key is blocked, and two or three numbers of its state. They
--            include the charge if there was one. If nothing is used, the name of a window is that of the window that a
--            charge would begin.
--
-- First, everything is decided on the entries as they are, without a lock: a denial writes nothing, not even a lock.
-- Then the charges are written. New entries come first, and then the others, under locks taken in the order of their keys.
-- If an entry has changed meanwhile, it is locked but not written, and the calls that touch it are decided again under the
-- locks. Two batches can't deadlock: locks are taken in order, and no batch can see or lock a new entry of another batch
-- that has not committed. If another transaction holds a row, only the admissions that must write this row fail.
--
-- State that its policy can't have left, because the clock stepped back or the policy's numbers changed, is corrected.
-- The correction (a repair) is written even if nothing is charged, unless another transaction holds the row.
--
-- Numbers are double precision, as in JavaScript, so that core's arithmetic has exactly the same results here. A time that
-- names a window may have a number in the bits above 2^45: see epoch.ts.
--
-- Each algorithm is a piece in `includes/`. Its sections are inserted where its number is tested:
--   settle    sets the settled state: s1 to s3, which are reported, `corrected`, and `fits` (NULL if the state can't be read)
--   charge    charges the cost: sets s1 to s3, the columns of the entry, and lives[entry]
--   wait      sets the values that are reported only if nothing is charged
--   life      sets `part`: the lifetime from now of a state that was not charged
--   keep      sets the columns of an entry that was corrected

CREATE OR REPLACE FUNCTION "sluice"."entries_decide_2"(
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
-- Plans are made once per connection, perhaps while the table is empty: they must suit a large table.
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
  -- Rows expire by the server's clock, which does not follow the clock of a test.
  spare_ms CONSTANT double precision := CASE WHEN given_ms IS NULL THEN 0 ELSE 3600000 END;

  -- The entries after the calls so far.
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

  -- The entries as they were found, and whether they are locked, for the second pass.
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
    -- The minimum that an insert needs if it meets an uncommitted one.
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
      -- A single claim is judged and finished in one pass. If there are several, all are judged first.
      FOR visit IN 1 .. CASE claims WHEN 1 THEN 1 ELSE 2 * claims END LOOP
        i := first + 3 * ((visit - 1) % claims);
        entry := calls[i];
        policy := 4 * calls[i + 1];
        cost := calls[i + 2];
        algorithm := policies[policy - 3];
        x := policies[policy - 2];
        y := policies[policy - 1];
        z := policies[policy];

        -- No block lasts longer than its length, even if the clock stepped back.
        until_ms := blocked[entry];
        shortened := coalesce(until_ms - now_ms > lasts[entry], false);
        IF shortened THEN
          until_ms := now_ms + lasts[entry];
        END IF;

        -- The state at this time, and whether the cost fits.
        corrected := false;
        --@dispatch algorithm settle "includes/*.sql" ELSE RAISE undefined_function USING MESSAGE = 'unknown algorithm';

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
          --@dispatch algorithm charge "includes/*.sql"
        ELSE
          --@dispatch algorithm wait "includes/*.sql"
          IF corrected OR shortened THEN
            blocked[entry] := until_ms;
            --@dispatch algorithm life "includes/*.sql"
            repairs[entry] := greatest(1, part);
          END IF;
          IF corrected THEN
            --@dispatch algorithm keep "includes/*.sql"
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
        -- In any order, because no wait is long. The total wait is limited too: the remaining entries count as held, and
        -- their calls are sent again.
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

    -- An entry has changed, or is held. Entries that this batch wrote count as they were found.
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
        -- Removed meanwhile, and not held.
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
