// Written by `npm run generate` from packages/store-sqlite/src/migrations/*.sql: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}

export const v0001Entries: Script = {
  name: "v0001Entries",
  sha1: "819c3b0ec7a171d5e87667b9eab170de2fc930f5",
  text: `CREATE TABLE IF NOT EXISTS "sluice_entries" (
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
`,
};
