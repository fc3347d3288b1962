import { SluiceError, storeFailure } from "../errors.js";
import { startDeadline } from "../timer.js";
import type { Flight } from "./flight.js";

/** Turns the end of work that is bounded in time into a result. `context` is what {@link Deadlines.bound} was given. */
export interface BoundCall<T, R, C = undefined> {
  answered(value: T, context: C): R;
  /** @param error of the work; a `STORE_TIMEOUT` if it took too long; or of `answered` */
  unanswered(error: unknown, context: C): R | Promise<R>;
}

/** Bounds promises in time. */
export interface Deadlines {
  /** The deadline of a call that starts now: a time of `performance.now()`. */
  next(): number;
  /**
   * Resolves to the result of `answered` for the result of `work`, or to that of `unanswered` if there is none by
   * `deadlineMs`, which is that of {@link Deadlines.next} by default.
   */
  bound<T, R>(work: Promise<T>, call: BoundCall<T, R>, deadlineMs?: number): Promise<R>;
  /** @param flight its end is noted, in time or not */
  bound<T, R, C>(
    work: Promise<T>,
    call: BoundCall<T, R, C>,
    deadlineMs: number | undefined,
    context: C,
    flight: Flight | undefined,
  ): Promise<R>;
  /** Settles as `work` does, but rejects always with a `SluiceError`: a `STORE_TIMEOUT` if it takes too long. */
  within<T>(work: Promise<T>, deadlineMs?: number): Promise<T>;
}

const PASSED_ON: BoundCall<unknown, unknown> = {
  answered: (value) => value,
  unanswered: (error) => Promise.reject(storeFailure(error)),
};

/**
 * One time-out for many promises.
 *
 * @param connectionError the last error of the store's connection: it explains a time-out
 * @param start default: a timer for each promise
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
            // An answer that can not be read counts as a failure.
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
 * The error for a call that was not answered in time, or not sent since it could not be.
 *
 * @param cause the last error of the connection, where it has failed
 */
export function storeTimeout(what: string, cause?: unknown): SluiceError {
  const why = cause instanceof Error ? `: ${cause.message || cause.name}` : "";
  return new SluiceError("STORE_TIMEOUT", what + why, { cause });
}
