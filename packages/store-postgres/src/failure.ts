import { SluiceError } from "@sluice/core/store";

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
      `the table of the Postgres store is missing, or older than this release (${message}). Run createSchema(client) of ` +
        "@sluice/store-postgres with the store's table and schema, or the SQL that schemaSql() returns",
      options,
    );
  }
  if (state === NOT_GRANTED) {
    return new SluiceError(
      "STORE_NOT_READY",
      `the role of the Postgres client lacks a right (${message}). The role that creates the schema must own the table and may ` +
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

/** The result of a call that the server could not write. Nothing was written, and the next connection may reach another server. */
export const RECONNECTED: unique symbol = Symbol("reconnected");

/** The error for a call that found the same entry held until its deadline. */
export function stillHeld(): SluiceError {
  return new SluiceError("STORE_CONTENDED", HELD_MESSAGE);
}

/** The five-character code of an error that the server reported. */
function sqlStateOf(error: unknown): string | undefined {
  const { code, errno, severity } = (error ?? {}) as { code?: unknown; errno?: unknown; severity?: unknown };
  if (typeof severity !== "string") return undefined;
  // Bun has the server's code in `errno`.
  return [errno, code].find((value): value is string => typeof value === "string" && /^[0-9A-Z]{5}$/.test(value));
}

/** Whether the connection ends with this error: it is not the server's, or the server's last word on it. */
export function endsConnection(error: unknown): boolean {
  // connection_exception, admin_shutdown and its like, time-outs of a session
  return /^(08|57P|25P0[34])/.test(sqlStateOf(error) ?? "08");
}

/** Whether the server can't write, as a standby or an old primary: a new connection may reach the new primary. */
export function isReadOnly(error: unknown): boolean {
  // read_only_sql_transaction; a table that is not durable can't be read on a standby (feature_not_supported)
  return ["25006", "0A000"].includes(sqlStateOf(error) ?? "");
}

/** @throws SluiceError `STORE_FAILED` for a reply that is not JSON */
export function parseReply(reply: string): unknown {
  try {
    return JSON.parse(reply);
  } catch {
    throw unreadableReply(reply);
  }
}

/** The error for a reply of another shape than the functions return. */
export function unreadableReply(reply: unknown): SluiceError {
  const shown = typeof reply === "string" ? JSON.stringify(reply.slice(0, 60)) : `a value of type ${typeof reply}`;
  return new SluiceError(
    "STORE_FAILED",
    `the Postgres client returned an unreadable reply, ${shown}. Pass a client whose type parsers and transforms leave ` +
      "values of type text alone",
  );
}
