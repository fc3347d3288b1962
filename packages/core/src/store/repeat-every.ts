import { MAX_TIMER_MS } from "../duration.js";
import { startQuietTimer, type Timer } from "../timer.js";

/**
 * Does some work every so often, one time after the other, without keeping a Node.js process alive: for the sweeps of a
 * store. At most {@link MAX_TIMER_MS} pass between two times.
 */
export function repeatEvery(
  everyMs: number,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): { stop(): void } {
  let timer: Timer | undefined;
  let stopped = false;

  function schedule(): void {
    if (stopped) return;
    timer = startQuietTimer(() => work().catch(onError).finally(schedule), Math.min(everyMs, MAX_TIMER_MS));
  }

  schedule();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
