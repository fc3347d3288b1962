import { setImmediate } from "node:timers/promises";
import type { Clock } from "@sluice/core";

/** A clock for tests, which advances only when it is moved. */
export interface ManualClock extends Clock {
  /**
   * Moves the clock forward by whole milliseconds, or back by negative ones. Sleepers wake in the order in which they are
   * due, each at its own time. Everything that a sleeper then does in this process is finished before the next one wakes.
   */
  advance(ms: number): Promise<void>;
  /** The number of current sleepers. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/**
 * Creates a clock that only a test moves.
 *
 * @param startMs the first time of the clock. Default 1,000,000
 *
 * @example
 * ```ts
 * import { createLimiter, fixedWindow } from "@sluice/core";
 * import { manualClock, modelStore } from "@sluice/testkit";
 *
 * const clock = manualClock();
 * const limiter = createLimiter({ store: modelStore(), policies: fixedWindow({ limit: 1, window: "1m" }), clock });
 * await limiter.wait("user-123");
 * const second = limiter.wait("user-123");
 * await clock.advance(60_000);
 * await second;
 * ```
 */
export function manualClock(startMs = 1_000_000): ManualClock {
  let nowMs = startMs;
  let sleepers: Sleeper[] = [];

  function nextDue(untilMs: number): Sleeper | undefined {
    return sleepers
      .filter(({ dueMs }) => dueMs <= untilMs)
      .reduce<Sleeper | undefined>(
        (first, other) => (first !== undefined && first.dueMs <= other.dueMs ? first : other),
        undefined,
      );
  }

  return {
    nowMs: () => nowMs,

    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return;
        const leave = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          signal.removeEventListener("abort", leave);
        };
        const sleeper: Sleeper = {
          dueMs: nowMs + ms,
          wake() {
            leave();
            resolve();
          },
        };
        sleepers.push(sleeper);
        signal.addEventListener("abort", leave, { once: true });
      });
    },

    async advance(ms) {
      const untilMs = nowMs + ms;
      await setImmediate();
      for (let due = nextDue(untilMs); due !== undefined; due = nextDue(untilMs)) {
        nowMs = Math.max(nowMs, due.dueMs);
        due.wake();
        await setImmediate();
      }
      nowMs = untilMs;
    },

    get sleeping() {
      return sleepers.length;
    },
  };
}
