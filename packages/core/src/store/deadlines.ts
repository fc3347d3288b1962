import { SluiceError } from "../errors.js";

/** Bounds promises in time. */
export interface Deadlines {
  /** The deadline of a call that starts now: a time of `performance.now()`. */
  next(): number;
  /**
   * Resolves to what `answered` makes of the result of `work`, or to what `unanswered` makes of its error: a
   * `STORE_TIMEOUT` when there is no result by `deadlineMs`, which is that of {@link Deadlines.next} by default.
   */
  bound<T, R>(
    work: Promise<T>,
    answered: (value: T) => R,
    unanswered: (error: unknown) => R | Promise<R>,
    deadlineMs?: number,
  ): Promise<R>;
}

/** As it was when this module was loaded, and absent on some runtimes. */
const { setImmediate: startImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/**
 * One time-out for many promises, with a timer for each. A timer for all, that of the oldest, would save a quarter of a
 * microsecond, but on Workers a timer ends with the request that started it: one client that leaves would then take the
 * time limit from all others.
 *
 * @param connectionError the last error of the store's connection: it explains a time-out
 */
export function createDeadlines(timeoutMs: number, connectionError?: () => unknown): Deadlines {
  function timedOut(): SluiceError {
    const cause = connectionError?.();
    const why = cause instanceof Error ? `: ${cause.message || cause.name}` : "";
    return new SluiceError("STORE_TIMEOUT", `the store did not answer within ${timeoutMs} ms${why}`, { cause });
  }

  const next = (): number => performance.now() + timeoutMs;

  return {
    next,

    bound(work, answered, unanswered, deadlineMs = next()) {
      return new Promise((resolve) => {
        let settled = false;
        let hasRead = startImmediate === undefined;
        const isFirst = (): boolean => {
          if (settled) return false;
          settled = true;
          clearTimeout(timer);
          return true;
        };
        const fail = (error: unknown): void => {
          if (isFirst()) resolve(unanswered(error));
        };
        const end = (): void => {
          if (settled) return;
          const leftMs = deadlineMs - performance.now();
          if (leftMs > 0) {
            // A timer counts from the start of its turn, so it may end before a store thinks so, and still would charge.
            timer = setTimeout(end, leftMs);
          } else if (!hasRead) {
            // Timers come before sockets in a turn: after a long one the answer may have arrived and not been read.
            hasRead = true;
            startImmediate?.(end);
          } else {
            fail(timedOut());
          }
        };
        let timer = setTimeout(end, Math.max(0, deadlineMs - performance.now()));
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
