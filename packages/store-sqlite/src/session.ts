import { unreadableState } from "@sluice/core/store";
import { type Checkpoint, takeOverCheckpoints } from "./checkpoint.js";
import type { SqliteClient, SqliteStatement, SqliteValue } from "./client.js";
import { notReady } from "./failure.js";
import { appliedVersion, SCHEMA_VERSION, wrongJournalMode } from "./schema.js";

/** A row and its key. */
export interface KeyedRow {
  readonly key: string;
  readonly row: Row;
}

/**
 * An open database that is ready, with the store's prepared statements. Every method may throw the client's errors.
 */
export interface Session {
  begin(kind: "DEFERRED" | "IMMEDIATE"): void;
  /** Takes the write lock in a transaction that has only read. Also fails as busy if others have written since. */
  lock(): void;
  commit(): void;
  rollback(): void;
  read(key: string): Row | undefined;
  write(key: string, row: Row): void;
  remove(key: string): void;
  readonly checkpoint: Checkpoint;
  /** Returns live rows in the order of their keys. */
  pageAfter(key: string, nowMs: number, most: number): readonly KeyedRow[];
  /** Returns how many rows follow a key, up to `most`, and the key of the last of them. */
  stretchAfter(key: string, most: number): { readonly rows: number; readonly lastKey: string };
  /** Returns the keys of expired rows after one key and up to another. */
  expiredWithin(afterKey: string, lastKey: string, nowMs: number, most: number): readonly string[];
}

const PAGE_BYTES = 4_096;

/**
 * @param rename replaces the names of tables
 * @throws SluiceError `STORE_NOT_READY`, and any error of the client
 */
export function openSession(client: SqliteClient, rename: (sql: string) => string, durable: boolean): Session {
  // Must be first, because the client itself would wait with the event loop stopped.
  client.exec("PRAGMA busy_timeout = 0");
  checkReady(client, rename);
  client.exec(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);

  const checkpoint = takeOverCheckpoints(client);
  const prepare = (sql: string): SqliteStatement => client.prepare(rename(sql));
  const select = prepare(`SELECT ${COLUMNS} FROM "sluice_entries" WHERE key = ?`);
  const names = COLUMNS.split(", ");
  const upsert = prepare(
    `INSERT INTO "sluice_entries" (key, ${COLUMNS}) VALUES (?, ${names.map(() => "?").join(", ")}) ` +
      `ON CONFLICT (key) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(", ")}`,
  );
  const forget = prepare('DELETE FROM "sluice_entries" WHERE key = ?');
  const page = prepare(
    `SELECT key, ${COLUMNS} FROM "sluice_entries" WHERE key > ? AND expires_ms > ? ORDER BY key LIMIT ?`,
  );
  const stretch = prepare(
    "SELECT count(*) AS total, max(key) AS last_key " +
      'FROM (SELECT key FROM "sluice_entries" WHERE key > ? ORDER BY key LIMIT ?)',
  );
  const expired = prepare(
    'SELECT key FROM "sluice_entries" WHERE key > ? AND key <= ? AND expires_ms <= ? ORDER BY key LIMIT ?',
  );
  // Not prepared: libsql does not reset a statement that failed to get the lock, so it would keep an old snapshot.
  const lock = rename('DELETE FROM "sluice_entries" WHERE FALSE');

  // Uses `all` and never `get`, after which libsql's statement keeps reading.
  return {
    begin: (kind) => void client.exec(`BEGIN ${kind}`),
    lock: () => void client.exec(lock),
    commit: () => void client.exec("COMMIT"),
    rollback: () => void client.exec("ROLLBACK"),
    read(key) {
      const [stored] = select.all(key) as StoredRow[];
      return stored && readRow(stored);
    },
    write(key, row) {
      upsert.run(key, ...valuesOf(row));
      checkpoint.wrote(1 + (row.other?.length ?? 0) / PAGE_BYTES);
    },
    remove(key) {
      forget.run(key);
      checkpoint.wrote(1);
    },
    checkpoint,
    pageAfter(key, nowMs, most) {
      const found = page.all(key, nowMs, most) as (StoredRow & { key: string })[];
      return found.map((stored) => ({ key: stored.key, row: readRow(stored) }));
    },
    stretchAfter(key, most) {
      const [found] = stretch.all(key, most) as { total: number | bigint; last_key: string | null }[];
      return { rows: Number(found?.total ?? 0), lastKey: found?.last_key ?? "" };
    },
    expiredWithin(afterKey, lastKey, nowMs, most) {
      const found = expired.all(afterKey, lastKey, nowMs, most) as { key: string }[];
      return found.map(({ key }) => key);
    },
  };
}

function checkReady(client: SqliteClient, rename: (sql: string) => string): void {
  const version = appliedVersion(client, rename);
  if (version < SCHEMA_VERSION) {
    throw notReady(`its table has version ${version}, and this release needs ${SCHEMA_VERSION}`);
  }
  const mode = wrongJournalMode(client, "PRAGMA journal_mode");
  if (mode !== undefined) throw notReady(`its journal mode is ${mode} instead of wal`);
}

/** A row of the table without its key: see `v0001_entries.sql`. */
export interface Row {
  readonly blockedUntilMs: number;
  readonly cells: readonly number[] | undefined;
  readonly other: string | undefined;
  readonly expiresMs: number;
}

const CELLS = 5;

/**
 * Converts a state to a row. Entries of a few whole numbers are stored in separate columns. Other states are stored
 * unchanged.
 */
export function rowOf(state: unknown, expiresMs: number): Row {
  // A client could not read numbers above 2^53.
  const lastsUntilMs = Math.min(Math.ceil(expiresMs), Number.MAX_SAFE_INTEGER);
  return isCellEntry(state)
    ? { blockedUntilMs: state[1], cells: state[2] ?? undefined, other: undefined, expiresMs: lastsUntilMs }
    : { blockedUntilMs: 0, cells: undefined, other: JSON.stringify(state), expiresMs: lastsUntilMs };
}

function isCellEntry(state: unknown): state is [1, number, number[] | null] {
  if (!Array.isArray(state) || state.length !== 3) return false;
  const [version, blockedUntilMs, cells] = state as unknown[];
  if (version !== 1 || !Number.isSafeInteger(blockedUntilMs)) return false;
  if (cells === null) return true;
  return Array.isArray(cells) && cells.length >= 1 && cells.length <= CELLS && cells.every(Number.isSafeInteger);
}

/** Returns the state in a row as a new value, which the caller may change. */
export function stateOf({ blockedUntilMs, cells, other }: Row): unknown {
  if (other === undefined) return [1, blockedUntilMs, cells === undefined ? null : [...cells]];
  try {
    return JSON.parse(other);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

/** The columns of a row, in this order. */
const COLUMNS = "blocked_until_ms, c1, c2, c3, c4, c5, other, expires_ms";

/** The values of a row in the order of {@link COLUMNS}. */
function valuesOf({ blockedUntilMs, cells = [], other, expiresMs }: Row): SqliteValue[] {
  const [c1 = null, c2 = null, c3 = null, c4 = null, c5 = null] = cells;
  return [blockedUntilMs, c1, c2, c3, c4, c5, other ?? null, expiresMs];
}

/** A client's result for {@link COLUMNS}: whole numbers, or `bigint` if the client is configured that way. */
interface StoredRow {
  readonly blocked_until_ms: number | bigint;
  readonly c1: number | bigint | null;
  readonly c2: number | bigint | null;
  readonly c3: number | bigint | null;
  readonly c4: number | bigint | null;
  readonly c5: number | bigint | null;
  readonly other: string | null;
  readonly expires_ms: number | bigint;
}

function readRow(stored: StoredRow): Row {
  const cells: number[] = [];
  for (const cell of [stored.c1, stored.c2, stored.c3, stored.c4, stored.c5]) {
    if (cell === null) break;
    cells.push(Number(cell));
  }
  return {
    blockedUntilMs: Number(stored.blocked_until_ms),
    cells: cells.length > 0 ? cells : undefined,
    other: stored.other ?? undefined,
    expiresMs: Number(stored.expires_ms),
  };
}
