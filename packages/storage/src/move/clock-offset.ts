import type { Store } from "@sluice/core/store";

/** An entry that is only read, to get the store's clock. */
const CLOCK_KEY = "sluice:clock";

const TRIES = 5;

interface Reading {
  /** How far the store's clock is ahead of this process's clock. */
  readonly aheadMs: number;
  /** The possible error of `aheadMs`: half of the request's time, plus the rounding of clocks to whole milliseconds. */
  readonly errorMs: number;
}

/** How far one store's clock is ahead of the other's. 0 if the difference is too small to be measured. */
export async function clockOffset(from: Store, to: Store): Promise<number> {
  const [one, other] = await Promise.all([readClock(from), readClock(to)]);
  const offsetMs = Math.round(other.aheadMs - one.aheadMs);
  return Math.abs(offsetMs) <= one.errorMs + other.errorMs ? 0 : offsetMs;
}

/** Reads the store's clock. Of several answers, uses the fastest. */
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
