import { SluiceError } from "../errors.js";

/** Bounds promises in time. */
export interface Deadlines {
  /**
   * Resolves to what `answered` makes of the result of `work`, or to what `unanswered` makes of its error: a
   * `STORE_TIMEOUT` when it takes longer.
   */
  bound<T, R>(work: Promise<T>, answered: (value: T) => R, unanswered: (error: unknown) => R | Promise<R>): Promise<R>;
}

interface Pending {
  readonly dueMs: number;
  settled: boolean;
  readonly fail: (error: unknown) => void;
}

/**
 * One time-out for many promises. Since all take equally long they fall due in the order in which they came, so that
 * one timer, for the oldest, is enough: a hundred thousand decisions a second start two timers a second each.
 */
export function createDeadlines(timeoutMs: number): Deadlines {
  let pending: Pending[] = [];
  let first = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function dropSettled(): void {
    while (first < pending.length && pending[first]?.settled) first++;
    if (first === pending.length) {
      pending = [];
      first = 0;
      clearTimeout(timer);
      timer = undefined;
    } else if (first > 1024) {
      pending = pending.slice(first);
      first = 0;
    }
  }

  function expireDue(): void {
    timer = undefined;
    const nowMs = performance.now();
    // A timer may fire up to a millisecond early. Failing the oldest makes the next one the oldest.
    for (let oldest = pending[first]; oldest !== undefined && oldest.dueMs <= nowMs + 1; oldest = pending[first]) {
      oldest.fail(new SluiceError("STORE_TIMEOUT", `the store did not answer within ${timeoutMs} ms`));
    }
    arm();
  }

  function arm(): void {
    const oldest = pending[first];
    if (timer === undefined && oldest !== undefined) {
      timer = setTimeout(expireDue, Math.max(1, oldest.dueMs - performance.now()));
    }
  }

  function settle(entry: Pending): void {
    entry.settled = true;
    if (pending[first] === entry) dropSettled();
  }

  return {
    bound(work, answered, unanswered) {
      return new Promise((resolve) => {
        const entry: Pending = {
          dueMs: performance.now() + timeoutMs,
          settled: false,
          fail(error) {
            if (entry.settled) return;
            settle(entry);
            resolve(unanswered(error));
          },
        };
        pending.push(entry);
        arm();
        work.then((value) => {
          if (entry.settled) return;
          settle(entry);
          try {
            resolve(answered(value));
          } catch (error) {
            // An answer that makes no sense is none.
            resolve(unanswered(error));
          }
        }, entry.fail);
      });
    },
  };
}
