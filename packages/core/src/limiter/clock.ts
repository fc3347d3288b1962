import { MAX_TIMER_MS } from "../duration.js";

declare global {
  /** Of the DOM's types, Node.js's or Bun's. A program that has none of them compiles too. */
  interface AbortSignal {}
}

/** Stands in for time, so that tests need not sleep. */
export interface Clock {
  /** Whole milliseconds. */
  nowMs(): number;
  /** Resolves after `ms`; never, once the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Sleeps by the runtime's timers. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: ReturnType<typeof setTimeout>;
    const cancel = (): void => clearTimeout(timer);
    const wait = (leftMs: number): void => {
      timer = setTimeout(
        () => {
          if (leftMs > MAX_TIMER_MS) return wait(leftMs - MAX_TIMER_MS);
          signal.removeEventListener("abort", cancel);
          resolve();
        },
        Math.min(leftMs, MAX_TIMER_MS),
      );
    };
    if (signal.aborted) return;
    wait(ms);
    signal.addEventListener("abort", cancel, { once: true });
  });
}
