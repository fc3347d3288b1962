import { SluiceError } from "@sluice/core/store";

/** As they were when this module was loaded: fake timers that replace them later must not stop a call half way. */
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: startImmediate } = globalThis;

/** No caller waits longer for a statement; it stands in for the deadline of calls that have none. */
const MAX_WAIT_MS = 30_000;

/** A slow server may answer a little late. After that much its connection counts as silent. */
export const PATIENCE_MS = 500;

/** The deadline of calls that have none, such as those of a sweep. */
export function longestDeadline(): number {
  return performance.now() + MAX_WAIT_MS;
}

/** The error for a call that waited too long for a connection: it was not sent. */
export function tooLate(): SluiceError {
  return new SluiceError("STORE_TIMEOUT", "no connection to Postgres was free in time; the call was not sent");
}

export function isLate(deadlineMs: number): boolean {
  return performance.now() >= deadlineMs;
}

/** What {@link byDeadline} resolves to when the deadline has passed. */
export const LATE: unique symbol = Symbol("late");

/**
 * Settles as the promise does, or resolves to {@link LATE} when it has not settled by `deadlineMs`, a time of
 * `performance.now()`. The promise is then no longer looked at.
 */
export function byDeadline<T>(promise: Promise<T>, deadlineMs: number): Promise<T | typeof LATE> {
  if (deadlineMs === Number.POSITIVE_INFINITY) return promise;
  return new Promise((resolve, reject) => {
    let hasRead = false;
    const end = (): void => {
      const leftMs = deadlineMs - performance.now();
      if (leftMs > 0) {
        timer = startTimer(end, leftMs);
      } else if (hasRead) {
        resolve(LATE);
      } else {
        // Timers come before sockets in a turn: after a long one the answer may have arrived and not been read.
        hasRead = true;
        startImmediate(end);
      }
    };
    let timer = startTimer(end, Math.max(0, deadlineMs - performance.now()));
    promise.then(resolve, reject).finally(() => stopTimer(timer));
  });
}

/** Resolves after about this time, never less than half of it: those who wait for the same thing spread out. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => startTimer(resolve, ms * (0.5 + Math.random() / 2)));
}
