import type { Store } from "@sluice/core/store";

/** An entry that is only ever looked at, to hear what time it is. */
const CLOCK_KEY = "sluice:clock";

const TRIES = 5;

interface Reading {
  /** By how much the store's clock is ahead of this process's. */
  readonly aheadMs: number;
  /** By how much that may be wrong: half of the time that the question took, and that clocks tell whole milliseconds. */
  readonly errorMs: number;
}

/** By how much one store's clock is ahead of another's: 0 when the difference is too small to be told. */
export async function clockOffset(from: Store, to: Store): Promise<number> {
  const [one, other] = await Promise.all([readClock(from), readClock(to)]);
  const offsetMs = Math.round(other.aheadMs - one.aheadMs);
  return Math.abs(offsetMs) <= one.errorMs + other.errorMs ? 0 : offsetMs;
}

/** What the store's clock said in the quickest of some answers. */
export async function readClock(store: Store): Promise<Reading> {
  let best: Reading = { aheadMs: 0, errorMs: Number.POSITIVE_INFINITY };
  for (let tries = 0; tries < TRIES; tries++) {
    const before = performance.now();
    const sentMs = Date.now();
    let seenMs = sentMs;
    await store.atomicUpdate(CLOCK_KEY, (_, nowMs) => {
      seenMs = nowMs;
      return undefined;
    });
    const tookMs = performance.now() - before;
    const errorMs = tookMs / 2 + 1;
    if (errorMs < best.errorMs) best = { aheadMs: seenMs - (sentMs + tookMs / 2), errorMs };
  }
  return best;
}
