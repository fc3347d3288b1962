-- One row per entry. Its value is the JSON text in `other` if that is set. Otherwise it is [1, blocked_until_ms, cells],
-- because the state of all algorithms that decide in the database is a list of whole numbers. Rows past `expires_ms` count
-- as absent.
--
-- Only the key is indexed, and pages keep free space, so that an update needs no new index entry (HOT). The table is
-- unlogged: see `durable`.

CREATE UNLOGGED TABLE IF NOT EXISTS "sluice"."entries" (
  key text COLLATE "C" PRIMARY KEY,
  blocked_until_ms bigint NOT NULL,
  cells bigint[],
  other text,
  expires_ms bigint NOT NULL
) WITH (fillfactor = 70);
