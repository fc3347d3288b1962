import { SluiceError } from "@sluice/core/store";
import { isReadOnly, sqlStateOf } from "./sql-state.js";

/** Whether the server undid the whole statement because of others: it may run again. */
export function hasNotRun(error: unknown): boolean {
  // serialization_failure, deadlock_detected
  return ["40001", "40P01"].includes(sqlStateOf(error) ?? "");
}

/** Whether another transaction held a row or the table for too long. The server undid the whole statement. */
export function wasLocked(error: unknown): boolean {
  // lock_not_available
  return sqlStateOf(error) === "55P03";
}

/** invalid_schema_name, undefined_column, undefined_function, undefined_table */
const NOT_MIGRATED = ["3F000", "42703", "42883", "42P01"];

/** insufficient_privilege */
const NOT_GRANTED = "42501";

/** invalid_sql_statement_name, duplicate_prepared_statement */
const STATEMENT_LOST = ["26000", "42P05"];

/** Turns a failure of the client or server into a `SluiceError`. */
export function storeFailed(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message || error.name : String(error);
  const options = { cause: error };
  const state = sqlStateOf(error) ?? "";
  if (NOT_MIGRATED.includes(state)) {
    return new SluiceError(
      "STORE_NOT_READY",
      `the table of the Postgres store is missing, or older than this release (${message}). Run migrate(client) of ` +
        "@sluice/store-postgres with the store's table and schema, or the SQL that migrationSql() returns",
      options,
    );
  }
  if (state === NOT_GRANTED) {
    return new SluiceError(
      "STORE_NOT_READY",
      `the role of the Postgres client lacks a right (${message}). The role that migrates must own the table and may ` +
        "create objects in the schema. Grant the role of the store USAGE on the schema, SELECT, INSERT, UPDATE and DELETE " +
        "on the table, and EXECUTE on the functions",
      options,
    );
  }
  if (wasLocked(error)) return new SluiceError("STORE_CONTENDED", `${HELD_MESSAGE} (${message})`, options);
  if (isReadOnly(error)) return readOnly(options);
  const hint = STATEMENT_LOST.includes(state)
    ? ". Behind a pooler in transaction mode pass the store namedStatements: false"
    : "";
  return new SluiceError("STORE_FAILED", `Postgres failed: ${message}${hint}`, options);
}

/** The error for a write on a server that can't write. */
export function readOnly(options?: ErrorOptions): SluiceError {
  const reason = options?.cause instanceof Error ? options.cause.message : "25006, read_only_sql_transaction";
  return new SluiceError(
    "STORE_FAILED",
    `Postgres can't write what the call needs: the server is read-only (${reason}). Connect to the primary`,
    options,
  );
}

const HELD_MESSAGE = "another transaction holds an entry or the table of the Postgres store; nothing was written";

/** What a call resolves to if another transaction holds what it has to write. It may be asked again. */
export const HELD: unique symbol = Symbol("held");

/** The error for a call that found the same entry held until its deadline. */
export function stillHeld(): SluiceError {
  return new SluiceError("STORE_CONTENDED", HELD_MESSAGE);
}
