-- The sliding window. Policy: x = limit, y = window. State and report: c1 = startMs, c2 = previous, c3 = current.
--@number 3

--@section settle
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
-- The age of the window, and then the part of the previous count that has faded, rounded down: see sliding-window.ts.
used := y - least(y, start_ms + y - now_ms);
IF s2 * used <= safe THEN
  used := floor(s2 * used / y);
ELSE
  used := div(s2::bigint::numeric * used::bigint::numeric, y::bigint::numeric);
END IF;
fits := cost <= x - s3 - (s2 - used);

--@section charge
s3 := s3 + cost;
c1[entry] := s1;
c2[entry] := s2;
c3[entry] := s3;
lives[entry] := start_ms + 2 * y - now_ms;

--@section life
part := CASE WHEN s3 > 0 THEN start_ms + 2 * y - now_ms WHEN s2 > 0 THEN start_ms + y - now_ms END;

--@section keep
c1[entry] := now_ms;
