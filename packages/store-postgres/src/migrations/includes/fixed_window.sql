-- The fixed window. Policy: x = limit, y = window. State and report: c1 = startMs, c2 = used.
--@number 2

--@section settle
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

--@section charge
s2 := s2 + cost;
c1[entry] := s1;
c2[entry] := s2;
lives[entry] := start_ms + y - now_ms;

--@section life
part := CASE WHEN s2 > 0 THEN start_ms + y - now_ms END;

--@section keep
c1[entry] := now_ms;
