import { SluiceError } from "@sluice/core";
import { sqlStateOf } from "./sql-state.js";

/** The server undid the whole statement: what is known not to have run may run again. */
export function hasNotRun(error: unknown): boolean {
  // serialization_failure, deadlock_detected
  return ["40001", "40P01"].includes(sqlStateOf(error) ?? "");
}

/** invalid_schema_name, undefined_column, undefined_function, undefined_table */
const NOT_MIGRATED = ["3F000", "42703", "42883", "42P01"];

/** invalid_sql_statement_name, duplicate_prepared_statement */
const STATEMENT_LOST = ["26000", "42P05"];

/** What a failure of the client or server becomes. */
export function storeFailed(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const state = sqlStateOf(error) ?? "";
  if (NOT_MIGRATED.includes(state)) {
    return new SluiceError(
      "STORE_NOT_READY",
      `the table of the Postgres store is missing, or older than this release (${message}): run migrate(client) of ` +
        "@sluice/store-postgres with the store's table and schema, or the SQL that migrationSql() returns",
      { cause: error },
    );
  }
  const hint = STATEMENT_LOST.includes(state)
    ? ". Behind a pooler in transaction mode give the store namedStatements: false"
    : "";
  return new SluiceError("STORE_FAILED", `Postgres failed: ${message}${hint}`, { cause: error });
}
