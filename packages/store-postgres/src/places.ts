import { byDeadline, LATE, tooLate } from "./late.js";

/** A count of statements that may be in flight at once. */
export interface Places {
  /** Takes a place as soon as one is free, and resolves to what frees it. Rejects with `STORE_TIMEOUT` at the deadline. */
  take(deadlineMs: number): Promise<() => void>;
}

/** Keeps statements back that a client would queue: in an outage it would send them when nobody waits any more. */
export function createPlaces(count: number): Places {
  let free = count;
  const waiting = new Set<() => void>();

  function release(): void {
    const [next] = waiting;
    if (next === undefined) {
      free++;
    } else {
      waiting.delete(next);
      next();
    }
  }

  return {
    async take(deadlineMs) {
      if (free > 0) {
        free--;
        return release;
      }
      let enter = (): void => {};
      const entered = new Promise<void>((resolve) => {
        enter = resolve;
      });
      waiting.add(enter);
      if ((await byDeadline(entered, deadlineMs)) !== LATE) return release;
      if (!waiting.delete(enter)) release();
      throw tooLate();
    },
  };
}
