/** A timer of the runtime; a number, where it is not Node's. */
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

/** As it was when this module was loaded, and absent on some runtimes. */
const { setImmediate: startImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/**
 * Calls `passed` once the deadline, a time of `performance.now()`, has passed, and everything was read that had arrived by
 * then. Returns a function that prevents the call.
 *
 * @param timers default: those of the moment, which may be fake ones
 */
export function startDeadline(deadlineMs: number, passed: () => void, timers: Timers = globalThis): () => void {
  let hasRead = startImmediate === undefined;
  let stopped = false;
  const end = (): void => {
    if (stopped) return;
    const leftMs = deadlineMs - performance.now();
    if (leftMs > 0) {
      // A timer counts from the start of its turn, so it may end before a store thinks so, and still would charge.
      timer = timers.setTimeout(end, leftMs);
    } else if (hasRead) {
      passed();
    } else {
      // Timers come before sockets in a turn: after a long one the answer may have arrived and not been read.
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
