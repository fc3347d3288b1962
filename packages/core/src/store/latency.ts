/** The time that a database takes to answer, according to its latest answers. */
export interface Latency {
  /** Returns whether an answer is still useful to predict the next one. */
  isRecent(answeredMs: number, nowMs: number): boolean;
  /** The shortest time seen lately. 0 while nothing is known. */
  readonly shortestMs: number;
  /** The time within which nearly all answers come. 0 while nothing is known. */
  readonly usualMs: number;
  /**
   * Notes how long an answer took.
   *
   * @param isNew true if earlier times no longer count
   */
  took(ms: number, isNew?: boolean): void;
}

/** A longer answer changes the estimate by this share of the difference. A shorter one replaces it. */
const SLOWER_SHARE = 1 / 8;

/** An older answer does not predict the next one. */
const MAX_ANSWER_AGE_MS = 1_000;

export function createLatency(): Latency {
  let shortestMs = 0;
  let averageMs = 0;
  let deviationMs = 0;
  return {
    isRecent: (answeredMs, nowMs) => nowMs - answeredMs <= MAX_ANSWER_AGE_MS,
    get shortestMs() {
      return shortestMs;
    },
    get usualMs() {
      return averageMs + Math.min(averageMs, 2 * deviationMs);
    },
    /** The estimate of V. Jacobson, "Congestion Avoidance and Control" (1988), by which TCP decides that an answer is lost. */
    took(ms, isNew = false) {
      const tookMs = Math.max(0, ms);
      const isSlower = shortestMs > 0 && !isNew && tookMs > shortestMs;
      shortestMs += (tookMs - shortestMs) * (isSlower ? SLOWER_SHARE : 1);
      deviationMs += (Math.abs(tookMs - averageMs) - deviationMs) / 4;
      averageMs += (tookMs - averageMs) * (averageMs > 0 ? SLOWER_SHARE : 1);
    },
  };
}
