import { HELD, stillHeld } from "./failure.js";
import { pause } from "./late.js";

/** The pause before the first retry. It doubles up to the last. */
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 32;

/** Asks until no other transaction holds what the call has to write. Rejects with `STORE_CONTENDED` by the deadline. */
export async function untilFree<T>(ask: () => Promise<T | typeof HELD>, deadlineMs: number): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    const answer = await ask();
    if (answer !== HELD) return answer;
    if (performance.now() + pauseMs >= deadlineMs) throw stillHeld();
    await pause(pauseMs);
  }
}
