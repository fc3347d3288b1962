import { reportedByStore, SluiceError } from "@sluice/core/store";

/** Returns whether nothing was done and a retry may soon succeed. */
export function isWorthWaiting(error: unknown): boolean {
  return isBusy(error) || isInTransaction(error);
}

/** The error for a table that is missing or older than this release. */
export function notReady(message: string, options?: ErrorOptions): SluiceError {
  const text =
    `the SQLite database is not ready for the store (${message}): run createSchema(client) of @sluice/store-sqlite with the ` +
    "store's table, or PRAGMA journal_mode = WAL and then the SQL that schemaSql() returns";
  return reportedByStore(new SluiceError("STORE_NOT_READY", text, options));
}

/** The error of a call that could not be made in time because of `error`. */
export function tooLate(error: unknown): SluiceError {
  const reason = isInTransaction(error)
    ? "the client had a transaction open the whole time: use a separate database for the store, which nothing else uses"
    : "other connections held the lock of the SQLite database the whole time";
  return new SluiceError("STORE_TIMEOUT", `${reason}; nothing was written`, { cause: error });
}

/** Converts a failure of the database. */
export function storeFailed(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (hasNoSchema(error)) return notReady(message, { cause: error });
  const failure = new SluiceError("STORE_FAILED", `SQLite failed: ${message}`, { cause: error });
  return isRefusedWrite(error) ? reportedByStore(failure) : failure;
}

/** The primary result codes of SQLite (https://sqlite.org/rescode.html) that the store tells apart. */
const CODES = {
  SQLITE_ERROR: 1,
  SQLITE_BUSY: 5,
  SQLITE_LOCKED: 6,
  SQLITE_READONLY: 8,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
} as const;

/** The primary result code that a client reported. `undefined` for an error that SQLite did not report. */
function resultCodeOf(error: unknown): number | undefined {
  // node:sqlite has `errcode`, libsql has `rawCode`, and better-sqlite3 has only the name, such as SQLITE_BUSY_SNAPSHOT.
  const { code, errcode, rawCode } = (error ?? {}) as { code?: unknown; errcode?: unknown; rawCode?: unknown };
  const number = errcode ?? rawCode;
  if (typeof number === "number") return number & 0xff;
  if (typeof code !== "string") return undefined;
  return Object.entries(CODES).find(([name]) => code === name || code.startsWith(`${name}_`))?.[1];
}

/** Returns whether the error came from SQLite and not from the client, such as an error about a file that is not a database. */
export function isFromSqlite(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return resultCodeOf(error) !== undefined || (typeof code === "string" && code.startsWith("SQLITE_"));
}

/** Returns whether another connection holds a lock. Nothing was done, so the call may be retried. */
function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === CODES.SQLITE_BUSY || code === CODES.SQLITE_LOCKED;
}

/** Returns whether the file or its folder could not be written to when the connection was opened. */
export function isReadOnly(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === CODES.SQLITE_READONLY || code === CODES.SQLITE_CANTOPEN;
}

/** Returns whether the file can't be written to but can still be read. */
function isRefusedWrite(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === CODES.SQLITE_READONLY || code === CODES.SQLITE_FULL;
}

/** Returns whether the connection has a transaction that the store did not begin. */
function isInTransaction(error: unknown): boolean {
  return saysOf(error, /(within|inside) a transaction/);
}

/** Returns whether a table or column is missing. */
function hasNoSchema(error: unknown): boolean {
  return saysOf(error, /^no such (table|column)|has no column named/);
}

/** Compares messages, because SQLite has no codes for these errors. */
function saysOf(error: unknown, pattern: RegExp): boolean {
  return resultCodeOf(error) === CODES.SQLITE_ERROR && pattern.test((error as Error).message);
}
