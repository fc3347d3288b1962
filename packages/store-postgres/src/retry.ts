import { HELD, stillHeld } from "./failure.js";
import { pause } from "./late.js";

/** The pause before the first retry. It doubles up to the last. */
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 32;

/**
 * Asks until no other transaction holds what the call has to write. Rejects with `STORE_CONTENDED` when one more try would
 * not be answered by the deadline.
 */
export async function untilFree<T>(ask: () => Promise<T | typeof HELD>, deadlineMs: number): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    const sentMs = performance.now();
    const answer = await ask();
    if (answer !== HELD) return answer;
    const answeredMs = performance.now();
    if (answeredMs + pauseMs + 2 * (answeredMs - sentMs) >= deadlineMs) throw stillHeld();
    await pause(pauseMs);
  }
}
