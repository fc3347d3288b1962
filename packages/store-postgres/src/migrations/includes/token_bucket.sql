-- The token bucket. Policy: x = rate, y = interval, z = burst. State: c1 = fullAtMs, c2 = numerator, c3 = rate, c4 =
-- interval, c5 = busySinceMs. Reported: fullAtMs, numerator, busySinceMs. The arithmetic, and why it is exact, is
-- explained in core's token-bucket.ts. `used` counts the missing units.
--@number 1

--@section settle
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
    -- Converts units of the old interval to units of the new one, rounded up: see token-bucket.ts.
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

--@section charge
used := used + cost * y;
s1 := now_ms + floor(used / x);
s2 := used - floor(used / x) * x;
c1[entry] := s1;
c2[entry] := s2;
c3[entry] := x;
c4[entry] := y;
c5[entry] := s3;
lives[entry] := ceil(used / x);

--@section life
part := ceil(used / x);

--@section keep
c1[entry] := s1;
c2[entry] := s2;
c3[entry] := x;
c4[entry] := y;
c5[entry] := s3;
