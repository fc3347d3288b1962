import { SluiceError } from "../errors.js";
import { startDeadline } from "../timer.js";

/** Bounds promises in time. */
export interface Deadlines {
  /** The deadline of a call that starts now: a time of `performance.now()`. */
  next(): number;
  /**
   * Resolves to the result of `answered` for the result of `work`, or to that of `unanswered` for its error: a
   * `STORE_TIMEOUT` if there is no result by `deadlineMs`, which is that of {@link Deadlines.next} by default.
   */
  bound<T, R>(
    work: Promise<T>,
    answered: (value: T) => R,
    unanswered: (error: unknown) => R | Promise<R>,
    deadlineMs?: number,
  ): Promise<R>;
}

/**
 * One time-out for many promises, with a timer for each. A timer for all, that of the oldest, would save a quarter of a
 * microsecond, but on Workers a timer ends with the request that started it: one client that leaves would then take the
 * time limit from all others.
 *
 * @param connectionError the last error of the store's connection: it explains a time-out
 */
export function createDeadlines(timeoutMs: number, connectionError?: () => unknown): Deadlines {
  const next = (): number => performance.now() + timeoutMs;

  return {
    next,

    bound(work, answered, unanswered, deadlineMs = next()) {
      return new Promise((resolve) => {
        let settled = false;
        const isFirst = (): boolean => {
          if (settled) return false;
          settled = true;
          stop();
          return true;
        };
        const fail = (error: unknown): void => {
          if (isFirst()) resolve(unanswered(error));
        };
        const stop = startDeadline(deadlineMs, () =>
          fail(storeTimeout(`the store did not answer within ${timeoutMs} ms`, connectionError?.())),
        );
        work.then((value) => {
          if (!isFirst()) return;
          try {
            resolve(answered(value));
          } catch (error) {
            // An answer that can not be read counts as a failure.
            resolve(unanswered(error));
          }
        }, fail);
      });
    },
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
