/** The primary result codes of SQLite (https://sqlite.org/rescode.html) that the store tells apart. */
const CODES = { SQLITE_ERROR: 1, SQLITE_BUSY: 5, SQLITE_LOCKED: 6, SQLITE_READONLY: 8, SQLITE_CANTOPEN: 14 } as const;

/** The primary result code that a client reported; `undefined` for an error that is not SQLite's. */
function resultCodeOf(error: unknown): number | undefined {
  // node:sqlite has `errcode`, libsql `rawCode`, and better-sqlite3 only the name, such as SQLITE_BUSY_SNAPSHOT.
  const { code, errcode, rawCode } = (error ?? {}) as { code?: unknown; errcode?: unknown; rawCode?: unknown };
  const number = errcode ?? rawCode;
  if (typeof number === "number") return number & 0xff;
  if (typeof code !== "string") return undefined;
  return Object.entries(CODES).find(([name]) => code === name || code.startsWith(`${name}_`))?.[1];
}

/** Whether SQLite itself reported the error, as of a file that is no database, and not the client. */
export function isFromSqlite(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return resultCodeOf(error) !== undefined || (typeof code === "string" && code.startsWith("SQLITE_"));
}

/** Somebody else holds a lock, and nothing was done: it may be tried again. */
export function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === CODES.SQLITE_BUSY || code === CODES.SQLITE_LOCKED;
}

/** The file, or its folder, could not be written to when the connection was opened. */
export function isReadOnly(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === CODES.SQLITE_READONLY || code === CODES.SQLITE_CANTOPEN;
}

/** The connection has a transaction that is not the store's. */
export function isInTransaction(error: unknown): boolean {
  return saysOf(error, /(within|inside) a transaction/);
}

/** A table or column is not there. */
export function isNotMigrated(error: unknown): boolean {
  return saysOf(error, /^no such (table|column)|has no column named/);
}

/** SQLite has no codes for these. */
function saysOf(error: unknown, pattern: RegExp): boolean {
  return resultCodeOf(error) === CODES.SQLITE_ERROR && pattern.test((error as Error).message);
}
