import { type Duration, parseDuration } from "../../duration.js";
import { check, type Rules } from "../../options.js";
import { repeatEvery } from "../repeat-every.js";

/** Options of stores whose database keeps expired entries until they are swept away. */
export interface SweepOptions {
  /**
   * How often to remove all expired entries. Of several processes with this option, one does it each time. Default:
   * never; call {@link Sweep.sweep}.
   */
  sweepEvery?: Duration | undefined;
  /** Called when a sweep by `sweepEvery` failed. The next one is made all the same. Default: nothing. */
  onSweepError?: ((error: unknown) => void) | undefined;
}

/** The rules of {@link SweepOptions}. */
export const SWEEP_RULES: Rules<SweepOptions> = { sweepEvery: "any", onSweepError: "function" };

/** A store whose expired entries, which count for nothing but take room, are swept away. */
export interface Sweep {
  /**
   * Removes up to `limit` expired entries (default 1,000). Resolves to how many it removed: as many as the limit when there
   * may be more. Each call continues where the last one ended.
   */
  sweep(options?: { limit?: number | undefined }): Promise<number>;
}

/** The number of entries that a sweep removes by default. */
const SWEEP_LIMIT = 1_000;

/**
 * Sweeps when it is asked to, and every so often if the options say so.
 *
 * @param sweepUpTo removes up to a number of entries, and resolves to how many it removed
 * @param takeTurn returns whether it is this process's turn to sweep, once in a time for all processes together
 * @throws SluiceError `INVALID_OPTION`
 */
export function createSweeping(
  { sweepEvery, onSweepError = () => {} }: SweepOptions,
  sweepUpTo: (limit: number) => Promise<number>,
  takeTurn: (everyMs: number) => Promise<boolean>,
): Sweep & { stop(): void } {
  check("onSweepError", onSweepError, "function");
  const everyMs = sweepEvery === undefined ? undefined : parseDuration(sweepEvery, "sweepEvery");
  let stopped = false;

  async function sweepInTurn(turnMs: number): Promise<void> {
    const isOurs = await takeTurn(turnMs);
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
