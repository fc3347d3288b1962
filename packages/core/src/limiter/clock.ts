import { MAX_TIMER_MS } from "../duration.js";

declare global {
  /** The type of the DOM, Node.js or Bun. Declared here so that programs without any of them compile too. */
  interface AbortSignal {}
}

/** Replaces the system's time, so that tests need not sleep. */
export interface Clock {
  /** Whole milliseconds. */
  nowMs(): number;
  /** Resolves after `ms`, or never if the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Calls `wake` after `ms`, with the runtime's timers. Returns a function that cancels the call. */
export function startTimer(ms: number, wake: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (leftMs: number): void => {
    timer = setTimeout(
      () => {
        if (leftMs > MAX_TIMER_MS) wait(leftMs - MAX_TIMER_MS);
        else wake();
      },
      Math.min(leftMs, MAX_TIMER_MS),
    );
  };
  wait(ms);
  return () => clearTimeout(timer);
}

/** Like {@link startTimer}, with a given clock. */
export function startClockTimer(clock: Clock, ms: number, wake: () => void): () => void {
  const controller = new AbortController();
  void clock.sleep(ms, controller.signal).then(wake);
  return () => controller.abort();
}
