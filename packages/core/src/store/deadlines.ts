import { SluiceError, storeFailure } from "../errors.js";
import { startDeadline } from "../timer.js";
import type { Flight } from "./flight.js";

/** Converts the end of work with a time limit into a result. `context` is the argument of {@link Deadlines.bound}. */
export interface BoundCall<T, R, C = undefined> {
  answered(value: T, context: C): R;
  /** @param error the error of the work or of `answered`, or a `STORE_TIMEOUT` if the work took too long */
  unanswered(error: unknown, context: C): R | Promise<R>;
}

/** Limits the time of promises. */
export interface Deadlines {
  /** The deadline of a call that starts now: a time of `performance.now()`. */
  next(): number;
  /**
   * Resolves to what `answered` returns for the result of `work`. If `work` rejects, or has no result by `deadlineMs`,
   * resolves to what `unanswered` returns. Default deadline: {@link Deadlines.next}.
   */
  bound<T, R>(work: Promise<T>, call: BoundCall<T, R>, deadlineMs?: number): Promise<R>;
  /** @param flight notified when the work ends, even after the deadline */
  bound<T, R, C>(
    work: Promise<T>,
    call: BoundCall<T, R, C>,
    deadlineMs: number | undefined,
    context: C,
    flight: Flight | undefined,
  ): Promise<R>;
  /** Settles like `work`, but always rejects with a `SluiceError`: a `STORE_TIMEOUT` if it takes too long. */
  within<T>(work: Promise<T>, deadlineMs?: number): Promise<T>;
}

const PASSED_ON: BoundCall<unknown, unknown> = {
  answered: (value) => value,
  unanswered: (error) => Promise.reject(storeFailure(error)),
};

/**
 * Creates one time limit for many promises.
 *
 * @param connectionError the last error of the store's connection, which explains a timeout
 * @param start starts a timer. Default: a separate timer for each promise
 */
export function createDeadlines(
  timeoutMs: number,
  connectionError?: () => unknown,
  start: (deadlineMs: number, passed: () => void) => () => void = startDeadline,
): Deadlines {
  const next = (): number => performance.now() + timeoutMs;

  function bound(
    work: Promise<unknown>,
    call: BoundCall<unknown, unknown, unknown>,
    deadlineMs = next(),
    context?: unknown,
    flight?: Flight,
  ): Promise<unknown> {
    return new Promise((resolve) => {
      let settled = false;
      const isFirst = (): boolean => {
        if (settled) return false;
        settled = true;
        stop();
        return true;
      };
      const fail = (error: unknown): void => {
        if (isFirst()) resolve(call.unanswered(error, context));
      };
      const stop = start(deadlineMs, () =>
        fail(storeTimeout(`the store did not answer within ${timeoutMs} ms`, connectionError?.())),
      );
      work.then(
        (value) => {
          flight?.answered();
          if (!isFirst()) return;
          try {
            resolve(call.answered(value, context));
          } catch (error) {
            // An answer that can't be read counts as a failure.
            resolve(call.unanswered(error, context));
          }
        },
        (error) => {
          flight?.failed(error);
          fail(error);
        },
      );
    });
  }

  return {
    next,
    bound: bound as Deadlines["bound"],
    within: <T>(work: Promise<T>, deadlineMs?: number) => bound(work, PASSED_ON, deadlineMs) as Promise<T>,
  };
}

/**
 * The error for a call without an answer in time, or one that was not sent because no answer was possible in time.
 *
 * @param cause the last error of the connection, if there is one
 */
export function storeTimeout(what: string, cause?: unknown): SluiceError {
  const why = cause instanceof Error ? `: ${cause.message || cause.name}` : "";
  return new SluiceError("STORE_TIMEOUT", what + why, { cause });
}
