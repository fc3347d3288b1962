/** How a request ended: with an answer, without one by its deadline, or with a broken or refused connection. */
export type RequestEnd = "answered" | "unanswered" | "disconnected";

/**
 * Learns from the latest requests how long DynamoDB takes, and whether it answers at all. Times are those of
 * `performance.now()`.
 */
export interface Pace {
  /** Notes a request that leaves. The function returned notes its end. */
  sent(nowMs: number): (nowMs: number, end: RequestEnd) => void;
  /** Notes how long one attempt took that DynamoDB answered. */
  took(ms: number): void;
  /** A request with this deadline or an earlier one can't be answered in time, by the fastest answer seen lately. */
  hopelessMs(nowMs: number): number;
  /** How long an answer takes with few exceptions; 0 while that is not known. */
  usualMs(nowMs: number): number;
  /** When the next request may leave: minus infinity, unless DynamoDB is {@link Pace.silent}. */
  nextMs(): number;
  /** Whether the latest requests got no answer. Then single requests probe it. */
  readonly silent: boolean;
  /** How many requests may be in flight: after a silence two more with each answer, so that no burst causes the next one. */
  readonly window: number;
  /** The last error of the connection since DynamoDB answered. */
  error: unknown;
}

/** The gap before the first probe. It doubles with each probe up to the last. */
const FIRST_PROBE_MS = 100;
const LAST_PROBE_MS = 500;

/** After so many failures in a row, each of a request that left after the one before, DynamoDB is silent. */
const SILENT_FAILURES = 2;

/** With so many requests in flight at once DynamoDB has recovered. */
const FULL_WINDOW = 64;

/** A longer answer than before is believed by this share, a shorter one at once. */
const SLOWER_SHARE = 1 / 8;

/** An older answer says nothing about the next one. */
const MAX_ANSWER_AGE_MS = 1_000;

/** With nothing in flight, a request is sent if there is time for this share of an answer: nothing else would show a faster one. */
const IDLE_SHARE = 1 / 2;

/** After this time with nothing in flight, it is sent whatever the latest answers took. */
const MAX_IDLE_MS = 50;

export function createPace(): Pace {
  let fastestMs = 0;
  let averageMs = 0;
  let deviationMs = 0;
  let lastSentMs = Number.NEGATIVE_INFINITY;
  let lastAnswerMs = Number.NEGATIVE_INFINITY;
  let lastFailureMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let probes = 0;
  let inFlight = 0;
  let window = Number.POSITIVE_INFINITY;

  const isKnown = (nowMs: number): boolean => nowMs - lastAnswerMs <= MAX_ANSWER_AGE_MS;

  function failed(sentMs: number, nowMs: number, end: RequestEnd): void {
    // Requests that were in flight together fail together, which counts once.
    if (sentMs < lastFailureMs || sentMs < lastAnswerMs) return;
    // One that had less time than an answer takes shows nothing.
    if (end === "unanswered" && isKnown(sentMs) && nowMs - sentMs < fastestMs) return;
    lastFailureMs = nowMs;
    failures = end === "unanswered" ? Math.max(SILENT_FAILURES, failures + 1) : failures + 1;
    if (pace.silent) window = 1;
  }

  const pace: Pace = {
    error: undefined,

    get silent() {
      return failures >= SILENT_FAILURES;
    },

    get window() {
      return window;
    },

    sent(sentMs) {
      lastSentMs = sentMs;
      inFlight++;
      if (pace.silent) probes++;
      return (nowMs, end) => {
        inFlight--;
        if (end !== "answered") {
          failed(sentMs, nowMs, end);
          return;
        }
        failures = 0;
        probes = 0;
        window = window < FULL_WINDOW ? window + 2 : Number.POSITIVE_INFINITY;
        pace.error = undefined;
        lastAnswerMs = nowMs;
      };
    },

    /** The estimate of V. Jacobson, "Congestion Avoidance and Control" (1988), by which TCP tells late from lost. */
    took(ms) {
      const tookMs = Math.max(0, ms);
      fastestMs += (tookMs - fastestMs) * (fastestMs > 0 && tookMs > fastestMs ? SLOWER_SHARE : 1);
      deviationMs += (Math.abs(tookMs - averageMs) - deviationMs) / 4;
      averageMs += (tookMs - averageMs) * (averageMs > 0 ? SLOWER_SHARE : 1);
    },

    hopelessMs(nowMs) {
      if (!isKnown(nowMs)) return nowMs;
      if (inFlight > 0) return nowMs + fastestMs;
      return nowMs - lastAnswerMs > MAX_IDLE_MS ? nowMs : nowMs + fastestMs * IDLE_SHARE;
    },

    usualMs: (nowMs) => (isKnown(nowMs) ? averageMs + Math.min(averageMs, 2 * deviationMs) : 0),

    nextMs() {
      if (!pace.silent) return Number.NEGATIVE_INFINITY;
      return lastSentMs + Math.min(LAST_PROBE_MS, FIRST_PROBE_MS * 2 ** probes);
    },
  };
  return pace;
}
