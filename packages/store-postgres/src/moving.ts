import { type ExportedEntry, exportedKey, importDistinct, unreadableState } from "@sluice/core/store";
import { hasNotRun, wasLocked } from "./failure.js";
import { rowKeyOfExported } from "./keys.js";
import { isLate, longestDeadline, tooLate } from "./late.js";
import type { Database, Statement } from "./postgres-client.js";
import { rowValueOf, stateOf } from "./row-value.js";

/** Rows of one statement: it takes the server some ten milliseconds. */
const PAGE = 1_000;

/** See `v0007_entries.sql`. */
type Page = readonly [last: string | null, ...unknown[]];

/** See `v0007_entries.sql`. */
type Reply = readonly [kept: readonly number[], again: readonly number[]];

/** All entries in the order of their keys, but for those that `isOwn` says are the store's own. */
export async function* exportFrom(
  database: Database,
  statement: Statement,
  isOwn: (key: string) => boolean,
): AsyncGenerator<ExportedEntry> {
  let last: string | null = "";
  while (last !== null) {
    const after: string = last;
    const page = parse(await database.connected((connection) => connection.run(statement, [after, String(PAGE)])));
    last = page[0];
    for (let i = 1; i < page.length; i += 4) {
      const [key, value, expiresAtMs, blockedForMs] = page.slice(i, i + 4) as [string, unknown, number, number | null];
      if (!isOwn(key)) yield { ...exportedKey(key), state: stateOf(value, blockedForMs), expiresAtMs };
    }
  }
}

function parse(reply: string): Page {
  try {
    return JSON.parse(reply);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

/** Writes entries by one statement for each page, and resolves to those that it left alone. */
export function importInto(
  database: Database,
  statement: Statement,
  entries: readonly ExportedEntry[],
): Promise<readonly ExportedEntry[]> {
  return importDistinct(entries, rowKeyOfExported, async (distinct) => {
    const rows = [...distinct];
    const left: ExportedEntry[] = [];
    for (let first = 0; first < rows.length; first += PAGE) {
      let page = rows.slice(first, first + PAGE);
      while (page.length > 0) {
        const reply = await send(database, statement, JSON.stringify(page.map(([key, entry]) => rowOf(key, entry))));
        const [kept, again] = JSON.parse(reply) as Reply;
        const at = (place: number) => page[place] as (typeof page)[number];
        for (const place of kept) left.push(at(place)[1]);
        page = again.map(at);
      }
    }
    return left;
  });
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

function rowOf(key: string, { state, expiresAtMs }: ExportedEntry): object {
  const { blockedUntilMs, blockedForMs, cells, other } = rowValueOf(state, JSON.stringify(state));
  return { key, blocked: blockedUntilMs, lasts: blockedForMs, cells, other, expires: Math.ceil(expiresAtMs) };
}
