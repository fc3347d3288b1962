-- One row per entry. Its value is the JSON text in `other` if that is set. Otherwise it is
-- [1, blocked_until_ms, [c1, c2, …]], because the state of most algorithms is one to five whole numbers. Rows past
-- `expires_ms` count as absent.
--
-- Without a rowid there is one tree, so that a look is one search. Only the key is indexed, and not the columns that change
-- with every charge.

CREATE TABLE IF NOT EXISTS "sluice_entries" (
  key TEXT NOT NULL PRIMARY KEY,
  blocked_until_ms INTEGER NOT NULL,
  c1 INTEGER,
  c2 INTEGER,
  c3 INTEGER,
  c4 INTEGER,
  c5 INTEGER,
  other TEXT,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
