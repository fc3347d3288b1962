import type { Next } from "@sluice/core";

/** A state that arrives from another store, and when it would have gone there: both by that store's clock. */
export interface Arriving {
  readonly state: unknown;
  readonly expiresAtMs: number;
}

/**
 * Makes one state of the one that arrives and the one that is there. It must not matter how often that is done, nor what was
 * charged in between: what came of the arriving state stays as it is. Pure; `undefined` leaves alone what is there.
 */
export type Merge = (arriving: Arriving, there: unknown, nowMs: number) => Next<unknown> | undefined;
