import { startDeadline } from "../../timer.js";

/** Captured when this module is loaded: fake timers that replace them later must not stop a call halfway. */
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

const timers = {
  setTimeout: (callback: () => void, delayMs: number) => startTimer(callback, delayMs),
  clearTimeout: (timer: ReturnType<typeof setTimeout>) => stopTimer(timer),
};

/** The result of {@link byDeadline} if the deadline has passed. */
export const LATE: unique symbol = Symbol("late");

/**
 * Settles like the promise, but resolves to {@link LATE} if it has not settled by `deadlineMs`, a time of
 * `performance.now()`.
 */
export function byDeadline<T>(promise: Promise<T>, deadlineMs: number): Promise<T | typeof LATE> {
  if (deadlineMs === Number.POSITIVE_INFINITY) return promise;
  return new Promise((resolve, reject) => {
    const stop = startDeadline(deadlineMs, () => resolve(LATE), timers);
    promise.then(resolve, reject).finally(stop);
  });
}

/** Resolves after some time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => startTimer(resolve, ms));
}

/** Waits with exponential backoff and full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015), at most 50 ms. */
export function backOff(tries: number, firstMs: number): Promise<void> {
  return pause(Math.random() * Math.min(50, firstMs * 2 ** tries));
}
