import { SluiceError } from "@sluice/core/store";
import { isBusy, isInTransaction, isNotMigrated } from "./result-code.js";

/** Nothing was done, and soon it may be possible. */
export function isWorthWaiting(error: unknown): boolean {
  return isBusy(error) || isInTransaction(error);
}

/** The error for a table that is missing, or older than this release. */
export function notReady(message: string, options?: ErrorOptions): SluiceError {
  return new SluiceError(
    "STORE_NOT_READY",
    `the SQLite database is not ready for the store (${message}): run migrate(client) of @sluice/store-sqlite with the ` +
      "store's table, or the SQL that migrationSql() returns after PRAGMA journal_mode = WAL",
    options,
  );
}

/** What a call becomes that could not be made in time because of `error`. */
export function tooLate(error: unknown): SluiceError {
  const reason = isInTransaction(error)
    ? "the client had a transaction open all the time: give the store a database of its own, which nothing else uses"
    : "others held the lock of the SQLite database all the time";
  return new SluiceError("STORE_TIMEOUT", `${reason}; nothing was written`, { cause: error });
}

/** What a failure of the database becomes. */
export function storeFailed(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (isNotMigrated(error)) return notReady(message, { cause: error });
  return new SluiceError("STORE_FAILED", `SQLite failed: ${message}`, { cause: error });
}
