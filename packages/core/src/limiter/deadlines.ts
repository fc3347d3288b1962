import { SluiceError } from "../errors.js";

/** Bounds promises in time. */
export interface Deadlines {
  /** Settles as `work` does, or rejects with `STORE_TIMEOUT` when it takes longer. */
  bound<T>(work: Promise<T>): Promise<T>;
}

interface Pending {
  readonly dueMs: number;
  settled: boolean;
  readonly expire: () => void;
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
    for (let i = first; i < pending.length; i++) {
      const entry = pending[i] as Pending;
      // A timer may fire up to a millisecond early.
      if (entry.dueMs > nowMs + 1) break;
      if (!entry.settled) entry.expire();
    }
    dropSettled();
    arm();
  }

  function arm(): void {
    const oldest = pending[first];
    if (timer === undefined && oldest !== undefined) {
      timer = setTimeout(expireDue, Math.max(1, oldest.dueMs - performance.now()));
    }
  }

  return {
    bound(work) {
      return new Promise((resolve, reject) => {
        const settle = () => {
          entry.settled = true;
          if (pending[first] === entry) dropSettled();
        };
        const entry: Pending = {
          dueMs: performance.now() + timeoutMs,
          settled: false,
          expire() {
            entry.settled = true;
            reject(new SluiceError("STORE_TIMEOUT", `the store did not answer within ${timeoutMs} ms`));
          },
        };
        pending.push(entry);
        arm();
        work.then(
          (value) => {
            settle();
            resolve(value);
          },
          (error) => {
            settle();
            reject(error);
          },
        );
      });
    },
  };
}
