-- The sliding log. Policy: x = limit, y = window. State: logs = [atMs, cost, ...], oldest first.
-- Reported: the units used, the name of the newest grant (-1: none), the time at which the cost fits (-1: it fits now or never).
--@number 4

--@section settle
log := coalesce(logs[entry], '{}')::double precision[];
size := cardinality(log);
i := 1;
WHILE i < size AND log[i] - floor(log[i] / epoch) * epoch + y <= now_ms LOOP
  i := i + 2;
END LOOP;
-- Grants in the future, after the clock stepped back, count as one grant made now.
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
    -- An entry that a reset left behind only has the name of the previous window.
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

--@section charge
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

--@section life
part := CASE WHEN s1 > 0 THEN s2 - floor(s2 / epoch) * epoch + y - now_ms END;

--@section keep
logs[entry] := log::bigint[]::text;

--@section wait
IF NOT fits AND cost <= x THEN
  -- The time at which enough of the oldest grants will have left the window.
  used := s1;
  i := 1;
  WHILE used + cost > x LOOP
    used := used - log[i + 1];
    s3 := log[i] - floor(log[i] / epoch) * epoch + y;
    i := i + 2;
  END LOOP;
END IF;
