import { type Seen, type SluiceError, type StoredEntry, unreadableState } from "@sluice/core/store";
import type { Database, Statement } from "./client.js";
import { hasNotRun, isLate, longestDeadline, tooLate, wasLocked } from "./failure.js";

/** A state in the form of a row: see `v0001_entries.sql` and `v0006_blocks.sql`. */
interface RowValue {
  readonly blockedUntilMs: number;
  /** The length of the block; `null` if there is none or it is unknown. */
  readonly blockedForMs: number | null;
  readonly cells: readonly number[] | null;
  readonly other: string | null;
}

/**
 * Converts a state to a row. Entries of whole numbers are stored in separate columns, which `decide` reads. Other states
 * are stored unchanged. The length of a block has a column of its own, so that the previous release can still read the
 * rest.
 */
export function rowValueOf(state: unknown, text: string): RowValue {
  if (!isEntry(state)) return { blockedUntilMs: 0, blockedForMs: null, cells: null, other: text };
  const [version, blockedUntilMs, inner, blockedForMs = null] = state;
  if (isCells(inner)) return { blockedUntilMs, blockedForMs, cells: inner, other: null };
  const other = version === 1 ? text : JSON.stringify([1, blockedUntilMs, inner]);
  return { blockedUntilMs, blockedForMs, cells: null, other };
}

/** The state in a row, including the length of its block. */
function stateOf(value: unknown, blockedForMs: number | null | undefined): unknown {
  if (typeof blockedForMs !== "number" || !Array.isArray(value)) return value;
  return [2, value[1], value[2], blockedForMs];
}

type EntryTuple = readonly [version: number, blockedUntilMs: number, inner: unknown, blockedForMs?: number];

function isEntry(state: unknown): state is EntryTuple {
  if (!Array.isArray(state) || state.length < 3 || !Number.isSafeInteger(state[1])) return false;
  return (
    (state[0] === 1 && state.length === 3) || (state[0] === 2 && state.length === 4 && Number.isSafeInteger(state[3]))
  );
}

function isCells(inner: unknown): inner is number[] | null {
  return inner === null || (Array.isArray(inner) && inner.every(Number.isSafeInteger));
}

/** See `v0007_entries.sql`. */
type SeenReply = [written: 1] | [written: 0, nowMs: number, version?: string, value?: unknown, blockedForMs?: number];

/** Reads a reply of the function. Throws if the entry can't be read. */
export function seenIn(reply: string): Seen | SluiceError {
  try {
    const [written, nowMs = 0, version = "", value, blockedForMs] = JSON.parse(reply) as SeenReply;
    return { written: written === 1, nowMs, state: stateOf(value, blockedForMs), version };
  } catch (error) {
    return unreadableState({ cause: error });
  }
}

/** Encodes keys as a Postgres array of texts. */
export function textArray(keys: readonly string[]): string {
  return `{${keys.map((key) => `"${key.replace(/["\\]/g, "\\$&")}"`).join()}}`;
}

/** The number of rows in one statement, which takes the server about ten milliseconds. */
export const PAGE = 1_000;

/** See `v0007_entries.sql`. */
type Page = readonly [last: string | null, ...unknown[]];

/** See `v0007_entries.sql`. */
type ImportReply = readonly [kept: readonly number[], again: readonly number[]];

/** Lists all entries in the order of their keys. */
export async function* pagesOf(database: Database, statement: Statement): AsyncGenerator<readonly StoredEntry[]> {
  let last: string | null = "";
  while (last !== null) {
    const after: string = last;
    const page = parse(await database.connected((connection) => connection.run(statement, [after, String(PAGE)])));
    last = page[0];
    const entries: StoredEntry[] = [];
    for (let i = 1; i < page.length; i += 4) {
      const [key, value, expiresAtMs, blockedForMs] = page.slice(i, i + 4) as [string, unknown, number, number | null];
      entries.push({ key, state: stateOf(value, blockedForMs), expiresAtMs });
    }
    yield entries;
  }
}

function parse(reply: string): Page {
  try {
    return JSON.parse(reply);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

/** Writes the entries of a page. Takes more than one statement only if others sweep some of the entries meanwhile. */
export async function writePage(
  database: Database,
  statement: Statement,
  entries: readonly StoredEntry[],
): Promise<readonly number[]> {
  const left: number[] = [];
  for (let open = [...entries.keys()]; open.length > 0; ) {
    const rows = open.map((position) => rowOf(entries[position] as StoredEntry));
    const [kept, again] = JSON.parse(await send(database, statement, JSON.stringify(rows))) as ImportReply;
    const positions = (places: readonly number[]) => places.map((place) => open[place] as number);
    left.push(...positions(kept));
    open = positions(again);
  }
  return left;
}

function send(database: Database, statement: Statement, rows: string): Promise<string> {
  const deadlineMs = longestDeadline();
  return database.connected(async (connection) => {
    for (;;) {
      if (isLate(deadlineMs)) throw tooLate();
      try {
        return await connection.run(statement, [rows]);
      } catch (error) {
        if (!hasNotRun(error) && !wasLocked(error)) throw error;
      }
    }
  }, deadlineMs);
}

function rowOf({ key, state, expiresAtMs }: StoredEntry): object {
  const { blockedUntilMs, blockedForMs, cells, other } = rowValueOf(state, JSON.stringify(state));
  return { key, blocked: blockedUntilMs, lasts: blockedForMs, cells, other, expires: expiresAtMs };
}

/** The number of pages that one statement examines: a megabyte, which takes a few milliseconds. */
const PAGES = 128;

/** Removes entries from some pages. Resolves to the number of removed entries and the number of pages of the table. */
type SweepPages = (
  firstPage: number,
  pages: number,
  most: number,
) => Promise<readonly [removed: number, pages: number]>;

/** Removes up to `limit` expired entries and resolves to their count. Continues where the last call ended. */
type Sweeper = (limit: number) => Promise<number>;

export function createSweeper(sweepPages: SweepPages): Sweeper {
  let page = 0;

  return async (limit) => {
    let removed = 0;
    for (let seen = 0, pages = 1; seen < pages && removed < limit; ) {
      const most = limit - removed;
      const [count, all] = await sweepPages(page, PAGES, most);
      removed += count;
      pages = all;
      // There may be more expired entries on these pages.
      if (count === most) break;
      seen += PAGES;
      page = page + PAGES < pages ? page + PAGES : 0;
    }
    return removed;
  };
}
