/** Compares this machine's clock with the one of DynamoDB. */
export interface ClockSkew {
  /** Takes in one answer's `Date` header, and when the request left and the answer came by this machine's clock. */
  observe(date: string, sentMs: number, answeredMs: number): void;
}

/**
 * Calls `report` when the clock is found to differ by `limitMs` or more, and again only after it did not. The header
 * has whole seconds and the answer takes its time, so the difference is what it is at least.
 */
export function createClockSkew(limitMs: number, report: ((skewMs: number) => void) | undefined): ClockSkew {
  let large = false;
  return {
    observe(date, sentMs, answeredMs) {
      const serverMs = Date.parse(date);
      if (Number.isNaN(serverMs)) return;
      const skewMs = leastSkewMs(serverMs, sentMs, answeredMs);
      const wasLarge = large;
      large = Math.abs(skewMs) >= limitMs;
      if (!large || wasLarge) return;
      try {
        report?.(skewMs);
      } catch (error) {
        // A listener's failure is not the decision's.
        console.error("[sluice] onClockSkew threw", error);
      }
    },
  };
}

/** How far this clock is ahead (positive) or behind (negative), at least: the answer was made in the second `serverMs`. */
function leastSkewMs(serverMs: number, sentMs: number, answeredMs: number): number {
  if (sentMs >= serverMs + 1_000) return sentMs - (serverMs + 999);
  return Math.min(0, answeredMs - serverMs);
}
