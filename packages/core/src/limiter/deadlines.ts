import { SluiceError } from "../errors.js";

/** Bounds promises in time. */
export interface Deadlines {
  /**
   * Resolves to what `answered` makes of the result of `work`, or to what `unanswered` makes of its error: a
   * `STORE_TIMEOUT` when it takes longer.
   */
  bound<T, R>(work: Promise<T>, answered: (value: T) => R, unanswered: (error: unknown) => R | Promise<R>): Promise<R>;
}

/**
 * One time-out for many promises, with a timer for each. A timer for all, that of the oldest, would save a quarter of a
 * microsecond, but on Workers a timer ends with the request that started it: one client that leaves would then take the
 * time limit from all others.
 */
export function createDeadlines(timeoutMs: number): Deadlines {
  return {
    bound(work, answered, unanswered) {
      return new Promise((resolve) => {
        let settled = false;
        const isFirst = (): boolean => {
          if (settled) return false;
          settled = true;
          clearTimeout(timer);
          return true;
        };
        const fail = (error: unknown): void => {
          if (isFirst()) resolve(unanswered(error));
        };
        const untilMs = performance.now() + timeoutMs;
        const end = (): void => {
          const leftMs = untilMs - performance.now();
          // A timer counts from the start of its turn, so it may end before a store thinks so, and still would charge.
          if (leftMs > 0) timer = setTimeout(end, leftMs);
          else fail(new SluiceError("STORE_TIMEOUT", `the store did not answer within ${timeoutMs} ms`));
        };
        let timer = setTimeout(end, timeoutMs);
        work.then((value) => {
          if (!isFirst()) return;
          try {
            resolve(answered(value));
          } catch (error) {
            // An answer that makes no sense is none.
            resolve(unanswered(error));
          }
        }, fail);
      });
    },
  };
}
