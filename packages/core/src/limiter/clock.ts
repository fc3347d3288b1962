import { MAX_TIMER_MS } from "../duration.js";

declare global {
  /** Of the DOM's types, Node.js's or Bun's. A program that has none of them compiles too. */
  interface AbortSignal {}
}

/** Replaces the system's time, so that tests need not sleep. */
export interface Clock {
  /** Whole milliseconds. */
  nowMs(): number;
  /** Resolves after `ms`; never, once the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Calls `wake` after `ms`, by the runtime's timers. The function returned prevents that. */
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

/** The same by a clock. */
export function startClockTimer(clock: Clock, ms: number, wake: () => void): () => void {
  const controller = new AbortController();
  void clock.sleep(ms, controller.signal).then(wake);
  return () => controller.abort();
}
