import { decideEntries, type Entry } from "../store/entry.js";
import type { Claim } from "../store/store.js";

/** Simulates a line of callers on the state that the store had at one look. */
export interface Forecast {
  /**
   * Milliseconds from the look until the caller who joins last is granted, if no other caller joins. If the result is
   * at most `latestMs`, the caller is added to the line. Otherwise the result is a lower bound, and the caller is not
   * added.
   */
  add(cost: number, latestMs: number): number;
}

/**
 * After this many decisions for one caller, the result is a lower bound: a custom algorithm's `retryAfterMs` may be too
 * short.
 */
const MAX_TRIES = 100;

/** Creates the forecast for callers with the same keys. `entries` are those of their claims, read at the store's time. */
export function createForecast(
  wanted: readonly Claim[],
  found: readonly (Entry | undefined)[],
  nowMs: number,
): Forecast {
  let claims = wanted;
  let entries = found;
  let grantedMs = 0;
  return {
    add(cost, latestMs) {
      if (claims[0]?.cost !== cost) claims = wanted.map((claim) => ({ ...claim, cost }));
      let afterMs = grantedMs;
      for (let tries = 0; tries < MAX_TRIES && afterMs <= latestMs; tries++) {
        const { outcome, writes } = decideEntries({ claims, charge: true }, entries, nowMs + afterMs);
        // A denial may repair an entry.
        if (writes.length > 0) entries = entries.map((entry, i) => writes[i]?.state ?? entry);
        if (outcome.allowed) {
          grantedMs = afterMs;
          return afterMs;
        }
        const retryAfterMs = Math.max(...outcome.findings.map((finding) => finding.retryAfterMs ?? Infinity));
        if (!(retryAfterMs > 0)) break;
        afterMs += retryAfterMs;
      }
      return afterMs;
    },
  };
}
