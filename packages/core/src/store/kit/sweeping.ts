import { type Duration, MAX_TIMER_MS, parseDuration } from "../../duration.js";
import { check, type Rules } from "../../options.js";
import { startQuietTimer, type Timer } from "../../timer.js";

/** Options of stores whose database keeps expired entries until they are swept away. */
export interface SweepOptions {
  /**
   * How often to remove all expired entries. If several processes have this option, one of them does it each time. Default:
   * never, so call {@link Sweep.sweep}.
   */
  sweepEvery?: Duration | undefined;
  /** Called if a sweep by `sweepEvery` failed. The next sweep runs anyway. Default: nothing. */
  onSweepError?: ((error: unknown) => void) | undefined;
}

/** The rules of {@link SweepOptions}. */
export const SWEEP_RULES: Rules<SweepOptions> = { sweepEvery: "any", onSweepError: "function" };

/** A store that can remove its expired entries, which no longer count but take room. */
export interface Sweep {
  /**
   * Removes up to `limit` expired entries (default 1,000). Resolves to the number removed. If it equals `limit`, there may
   * be more. Each call continues where the last one ended.
   */
  sweep(options?: { limit?: number | undefined }): Promise<number>;
}

/** The number of entries that a sweep removes by default. */
const SWEEP_LIMIT = 1_000;

/** One turn of sweeping: its end by the database's clock, and its length. Earlier releases stored another form. */
export type SweepTurn = readonly [endMs: number, lengthMs: number];

/** Returns the turn to store, or `undefined` if the stored turn has not ended and has to stay. */
export type NextSweepTurn = (turn: unknown, nowMs: number) => SweepTurn | undefined;

/**
 * Sweeps on request, and at intervals if the options say so.
 *
 * @param sweepUpTo removes up to a number of entries, and resolves to the number removed
 * @param takeTurn stores the next turn, and resolves to whether it did. If so, this process has to sweep
 * @throws SluiceError `INVALID_OPTION`
 */
export function createSweeping(
  { sweepEvery, onSweepError = () => {} }: SweepOptions,
  sweepUpTo: (limit: number) => Promise<number>,
  takeTurn: (next: NextSweepTurn) => Promise<boolean>,
): Sweep & { stop(): void } {
  check("onSweepError", onSweepError, "function");
  const everyMs = sweepEvery === undefined ? undefined : parseDuration(sweepEvery, "sweepEvery");
  let stopped = false;

  async function sweepInTurn(turnMs: number): Promise<void> {
    const isOurs = await takeTurn((turn, nowMs) => nextTurn(turn, nowMs, turnMs));
    while (isOurs && !stopped && (await sweepUpTo(SWEEP_LIMIT)) === SWEEP_LIMIT);
  }

  const timer = everyMs === undefined ? undefined : repeatEvery(everyMs, () => sweepInTurn(everyMs), onSweepError);

  return {
    async sweep({ limit = SWEEP_LIMIT } = {}) {
      return sweepUpTo(check("limit", limit, { min: 1 }));
    },
    stop() {
      stopped = true;
      timer?.stop();
    },
  };
}

function nextTurn(turn: unknown, nowMs: number, everyMs: number): SweepTurn | undefined {
  const [endMs = 0, lengthMs = 0]: readonly number[] = Array.isArray(turn) ? turn : [];
  // A turn that ends further ahead than its length was stored before the clock stepped back.
  return turn === undefined || endMs - nowMs > lengthMs ? [nowMs + everyMs, everyMs] : undefined;
}

/**
 * Repeats some work at intervals without overlap and without keeping a Node.js process alive. Intervals are at most
 * {@link MAX_TIMER_MS}.
 */
function repeatEvery(
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
