import { unreadableState } from "@sluice/core/store";
import type { SqliteValue } from "./sqlite-client.js";

/** A row of the table, but for its key: see `v0001_entries.sql`. */
export interface Row {
  readonly blockedUntilMs: number;
  readonly cells: readonly number[] | undefined;
  readonly other: string | undefined;
  readonly expiresMs: number;
}

const CELLS = 5;

/** The row for a state. Entries of a few whole numbers get columns of their own; anything else stays as it is. */
export function rowOf(state: unknown, expiresMs: number): Row {
  // Beyond 2^53 a client could not read it.
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

/** The state in a row: a new value each time, which whoever gets it may change. */
export function stateOf({ blockedUntilMs, cells, other }: Row): unknown {
  if (other === undefined) return [1, blockedUntilMs, cells === undefined ? null : [...cells]];
  try {
    return JSON.parse(other);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

/** The columns of a row, in this order. */
export const COLUMNS = "blocked_until_ms, c1, c2, c3, c4, c5, other, expires_ms";

/** The values of {@link COLUMNS}. */
export function valuesOf({ blockedUntilMs, cells = [], other, expiresMs }: Row): SqliteValue[] {
  const [c1 = null, c2 = null, c3 = null, c4 = null, c5 = null] = cells;
  return [blockedUntilMs, c1, c2, c3, c4, c5, other ?? null, expiresMs];
}

/** What a client returns of {@link COLUMNS}: whole numbers, as `bigint` where the client was told so. */
export interface StoredRow {
  readonly blocked_until_ms: number | bigint;
  readonly c1: number | bigint | null;
  readonly c2: number | bigint | null;
  readonly c3: number | bigint | null;
  readonly c4: number | bigint | null;
  readonly c5: number | bigint | null;
  readonly other: string | null;
  readonly expires_ms: number | bigint;
}

export function readRow(stored: StoredRow): Row {
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
