import { byDeadline, LATE, pause, type SluiceError, storeTimeout } from "@sluice/core/store";
import { HELD, RECONNECTED, readOnly, stillHeld } from "./failure.js";

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
  return storeTimeout("no connection to Postgres was free in time; the call was not sent");
}

export function isLate(deadlineMs: number): boolean {
  return performance.now() >= deadlineMs;
}

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

/** Allows an act at most `count` times in each `periodMs`, and returns whether it may be done now. */
export function createAllowance(count: number, periodMs: number): () => boolean {
  let startMs = Number.NEGATIVE_INFINITY;
  let used = 0;
  return () => {
    const nowMs = performance.now();
    if (nowMs - startMs > periodMs) {
      startMs = nowMs;
      used = 0;
    }
    return used++ < count;
  };
}

/** Read-only connections are closed no faster than all of a client's in so much time: the only server may be read-only. */
export const READ_ONLY_PERIOD_MS = 1_000;

/** The pause before the first retry. It doubles up to the last. */
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 32;

/** The answer to a call that was not decided or made, and how long it took. */
interface Refusal {
  readonly answer: typeof HELD | typeof RECONNECTED;
  readonly tookMs: number;
}

/**
 * Asks until no other transaction holds what the call has to write. Rejects with `STORE_CONTENDED` when one more try would
 * not be answered by the deadline; and with `STORE_FAILED` when so many connections in a row could not write.
 */
export async function askAgain<T>(
  ask: () => Promise<T | typeof HELD | typeof RECONNECTED>,
  deadlineMs: number,
  connections: number,
  first?: Refusal,
): Promise<T> {
  let refusal = first;
  let pauseMs = FIRST_PAUSE_MS;
  for (let reconnected = 0; ; ) {
    if (refusal !== undefined) {
      const spareMs = deadlineMs - performance.now() - 2 * refusal.tookMs;
      if (refusal.answer === HELD) {
        if (spareMs <= pauseMs) throw stillHeld();
        // Those who wait for the same row spread out.
        await pause(pauseMs * (0.5 + Math.random() / 2));
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
        reconnected = 0;
      } else {
        // Each connection of the client may lead to the server that can't write. A new one takes longer than an answer.
        reconnected++;
        if (reconnected > connections || spareMs <= 0) throw readOnly();
      }
    }
    const sentMs = performance.now();
    const answer = await ask();
    const tookMs = performance.now() - sentMs;
    if (answer === HELD) refusal = { answer: HELD, tookMs };
    else if (answer === RECONNECTED) refusal = { answer: RECONNECTED, tookMs };
    else return answer;
  }
}
