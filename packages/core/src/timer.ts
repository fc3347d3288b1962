/** A timer of the runtime: an object in Node.js, a number elsewhere. */
export type Timer = ReturnType<typeof setTimeout>;

/** Starts a timer that does not keep a Node.js process alive. */
export function startQuietTimer(callback: () => void, delayMs: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, delayMs);
  (timer as { unref?(): unknown }).unref?.();
  return timer;
}

/** Functions that start and stop timers. */
interface Timers {
  setTimeout(callback: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer): void;
}

/** Captured when this module is loaded. Some runtimes do not have it. */
const { setImmediate: startImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/**
 * Calls `passed` once the deadline, a time of `performance.now()`, has passed and everything that had arrived by then was
 * read. Returns a function that cancels the call.
 *
 * @param timers default: the current global timers, which may be fake ones
 */
export function startDeadline(deadlineMs: number, passed: () => void, timers: Timers = globalThis): () => void {
  let hasRead = startImmediate === undefined;
  let stopped = false;
  const end = (): void => {
    if (stopped) return;
    const leftMs = deadlineMs - performance.now();
    if (leftMs > 0) {
      // A timer counts from the start of its turn, so it may end too early: a store could still charge before the deadline.
      timer = timers.setTimeout(end, leftMs);
    } else if (hasRead) {
      passed();
    } else {
      // Timers run before sockets in a turn. After a long turn the answer may have arrived but not been read.
      hasRead = true;
      startImmediate?.(end);
    }
  };
  let timer = timers.setTimeout(end, Math.max(0, deadlineMs - performance.now()));
  return () => {
    stopped = true;
    timers.clearTimeout(timer);
  };
}
