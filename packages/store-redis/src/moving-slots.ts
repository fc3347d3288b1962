import type { SluiceError } from "@sluice/core/store";
import { isMovingSlot } from "./failures.js";

/** Knows the hash tags whose slot a cluster is moving. */
export interface MovingSlots {
  /**
   * Runs `together`, whose scripts have several keys; `alone`, whose scripts have one, if a script did not run because its keys lie
   * on two servers, and for a minute after that.
   */
  run<T>(tag: string, together: () => Promise<T>, alone: () => Promise<T>): Promise<T>;
}

/** Some clients try for seconds before they report that keys lie on two servers, so it is asked seldom. */
const REMEMBERED_MS = 60_000;

export function createMovingSlots(): MovingSlots {
  const untilMs = new Map<string, number>();

  return {
    async run(tag, together, alone) {
      const movesUntilMs = untilMs.get(tag);
      if (movesUntilMs !== undefined) {
        if (movesUntilMs > performance.now()) return alone();
        untilMs.delete(tag);
      }
      try {
        return await together();
      } catch (error) {
        if (!isMovingSlot((error as SluiceError).cause)) throw error;
        untilMs.set(tag, performance.now() + REMEMBERED_MS);
        return alone();
      }
    },
  };
}
