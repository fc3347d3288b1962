import { byDeadline, LATE, pause } from "@sluice/core/kit";
import { reportedByStore, SluiceError, storeTimeout } from "@sluice/core/store";

/** Returns whether the server undid the whole statement because of other transactions. It can then safely run again. */
export function hasNotRun(error: unknown): boolean {
  // serialization_failure, deadlock_detected
  return ["40001", "40P01"].includes(sqlStateOf(error) ?? "");
}

/** Returns whether another transaction held a row or the table for too long. The server undid the whole statement. */
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

/** Converts a failure of the client or server to a `SluiceError`. */
export function storeFailed(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message || error.name : String(error);
  const options = { cause: error };
  const state = sqlStateOf(error) ?? "";
  if (NOT_MIGRATED.includes(state)) {
    return notReady(
      `the table of the Postgres store is missing, or older than this release (${message}). Run createSchema(client) of ` +
        "@sluice/store-postgres with the store's table and schema, or the SQL that schemaSql() returns",
      options,
    );
  }
  if (state === NOT_GRANTED) {
    return notReady(
      `the role of the Postgres client lacks a right (${message}). The role that creates the schema must own the table and ` +
        "be allowed to create objects in the schema. Grant the role of the store USAGE on the schema, SELECT, INSERT, UPDATE and DELETE " +
        "on the table, and EXECUTE on the functions",
      options,
    );
  }
  if (wasLocked(error)) return new SluiceError("STORE_CONTENDED", `${HELD_MESSAGE} (${message})`, options);
  if (isReadOnly(error)) return readOnly(options);
  const hint = STATEMENT_LOST.includes(state)
    ? ". Behind a pooler in transaction mode, create the store with namedStatements: false"
    : "";
  const failure = new SluiceError("STORE_FAILED", `Postgres failed: ${message}${hint}`, options);
  return endsConnection(error) || NO_CONNECTION.test(state) ? failure : reportedByStore(failure);
}

/** The error for a table that this client can't use. The server reported the error, so it is up. */
function notReady(message: string, options: ErrorOptions): SluiceError {
  return reportedByStore(new SluiceError("STORE_NOT_READY", message, options));
}

/** invalid_authorization_specification, invalid_catalog_name, too_many_connections */
const NO_CONNECTION = /^(28|3D000|53300)/;

/** The error for a write on a server that can't write. */
export function readOnly(options?: ErrorOptions): SluiceError {
  const reason = options?.cause instanceof Error ? options.cause.message : "25006, read_only_sql_transaction";
  const message = `the call needs a write, but the Postgres server is read-only (${reason}). Connect to the primary`;
  return reportedByStore(new SluiceError("STORE_FAILED", message, options));
}

const HELD_MESSAGE = "another transaction holds an entry or the table of the Postgres store; nothing was written";

/** The result of a call if another transaction holds the row that the call has to write. The call may be sent again. */
export const HELD: unique symbol = Symbol("held");

/**
 * The result of a call that the server could not write. Nothing was written, and the next connection may reach another
 * server.
 */
export const RECONNECTED: unique symbol = Symbol("reconnected");

/** The error for a call whose entry was held by others until its deadline. */
function stillHeld(): SluiceError {
  return new SluiceError("STORE_CONTENDED", HELD_MESSAGE);
}

/** The five-character code of an error that the server reported. */
function sqlStateOf(error: unknown): string | undefined {
  const { code, errno, severity } = (error ?? {}) as { code?: unknown; errno?: unknown; severity?: unknown };
  if (typeof severity !== "string") return undefined;
  // Bun has the server's code in `errno`.
  return [errno, code].find((value): value is string => typeof value === "string" && /^[0-9A-Z]{5}$/.test(value));
}

/**
 * Returns whether the connection is lost with this error: the error did not come from the server, or it is the last message
 * that the server sends.
 */
export function endsConnection(error: unknown): boolean {
  // connection_exception, admin_shutdown and similar, timeouts of a session
  return /^(08|57P|25P0[34])/.test(sqlStateOf(error) ?? "08");
}

/**
 * Returns whether the server can't write, such as a standby or an old primary. A new connection may reach the new primary.
 */
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

/** The error for a reply of a form that the functions do not return. */
export function unreadableReply(reply: unknown): SluiceError {
  const shown = typeof reply === "string" ? JSON.stringify(reply.slice(0, 60)) : `a value of type ${typeof reply}`;
  return new SluiceError(
    "STORE_FAILED",
    `the Postgres client returned an unreadable reply, ${shown}. Pass a client whose type parsers and transforms leave ` +
      "values of type text alone",
  );
}

/** The longest wait for a statement, also for calls without a deadline. */
const MAX_WAIT_MS = 30_000;

/** A slow server may answer a little late. After this delay its connection counts as silent. */
export const PATIENCE_MS = 500;

/** The deadline of calls without one, such as those of a sweep. */
export function longestDeadline(): number {
  return performance.now() + MAX_WAIT_MS;
}

/** The error for a call that waited too long for a connection and was not sent. */
export function tooLate(): SluiceError {
  return storeTimeout("no connection to Postgres was free in time; the call was not sent");
}

export function isLate(deadlineMs: number): boolean {
  return performance.now() >= deadlineMs;
}

/** Limits the number of statements in flight. */
export interface Places {
  /**
   * Takes a place when one is free. Resolves to a function that frees the place. Rejects with `STORE_TIMEOUT` at the
   * deadline.
   */
  take(deadlineMs: number): Promise<() => void>;
}

/**
 * Holds back statements that a client would queue. In an outage the client would send them after their callers have given
 * up.
 */
export function createPlaces(count: number): Places {
  let free = count;
  const waiting = new Set<() => void>();

  function release(): void {
    const [next] = waiting;
    if (next === undefined) {
      free++;
    } else {
      waiting.delete(next);
      next();
    }
  }

  return {
    async take(deadlineMs) {
      if (free > 0) {
        free--;
        return release;
      }
      let enter = (): void => {};
      const entered = new Promise<void>((resolve) => {
        enter = resolve;
      });
      waiting.add(enter);
      if ((await byDeadline(entered, deadlineMs)) !== LATE) return release;
      if (!waiting.delete(enter)) release();
      throw tooLate();
    },
  };
}

/** Allows an action at most `count` times in each `periodMs`. Returns a function that reports whether it is allowed now. */
export function createAllowance(count: number, periodMs: number): () => boolean {
  let startMs = Number.NEGATIVE_INFINITY;
  let used = 0;
  return () => {
    const nowMs = performance.now();
    if (nowMs - startMs > periodMs) {
      startMs = nowMs;
      used = 0;
    }
    return used++ < count;
  };
}

/**
 * The period in which at most as many read-only connections are closed as the client may have. Limited because the only
 * server may be read-only.
 */
export const READ_ONLY_PERIOD_MS = 1_000;

/** The pause before the first retry. It doubles with each retry, up to the maximum. */
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 32;

/** The answer to a call that was not decided or not carried out, and how long it took. */
interface Refusal {
  readonly answer: typeof HELD | typeof RECONNECTED;
  readonly tookMs: number;
}

/**
 * Retries until no other transaction holds the row that the call has to write. Rejects with `STORE_CONTENDED` if another
 * try can't be answered by the deadline. Rejects with `STORE_FAILED` if as many connections in a row as the client has
 * could not write.
 */
export async function askAgain<T>(
  ask: () => Promise<T | typeof HELD | typeof RECONNECTED>,
  deadlineMs: number,
  connections: number,
  first?: Refusal,
): Promise<T> {
  let refusal = first;
  let pauseMs = FIRST_PAUSE_MS;
  for (let reconnected = 0; ; ) {
    if (refusal !== undefined) {
      const spareMs = deadlineMs - performance.now() - 2 * refusal.tookMs;
      if (refusal.answer === HELD) {
        if (spareMs <= pauseMs) throw stillHeld();
        // Spreads out callers that wait for the same row.
        await pause(pauseMs * (0.5 + Math.random() / 2));
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
        reconnected = 0;
      } else {
        // Each connection of the client may lead to a server that can't write. Opening a new one takes longer than a reply.
        reconnected++;
        if (reconnected > connections || spareMs <= 0) throw readOnly();
      }
    }
    const sentMs = performance.now();
    const answer = await ask();
    const tookMs = performance.now() - sentMs;
    if (answer === HELD) refusal = { answer: HELD, tookMs };
    else if (answer === RECONNECTED) refusal = { answer: RECONNECTED, tookMs };
    else return answer;
  }
}
