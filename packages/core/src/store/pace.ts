import { createLatency } from "./latency.js";

/** Decides when the next batch may leave, by the answers that came so far. Times are of `performance.now()`. */
export interface Pace {
  /** How long the next batch has to wait if nothing is answered in between: 0 if it may leave now. */
  waitMs(nowMs: number): number;
  /** The most items that the next batch may have, out of this many. */
  sizeFor(items: number): number;
  /** A call with this deadline or an earlier one can't be answered in time. */
  hopelessMs(nowMs: number): number;
  /** True if no batch is in flight. */
  readonly idle: boolean;
  /** True if the store is down, so that the next batch is a probe of one call. */
  readonly probing: boolean;
  /** True if the last batches all failed, as when the server refuses connections. */
  readonly failing: boolean;
  /** Notes that a batch leaves. The function returned notes its end, and whether that was an answer of the store. */
  sent(nowMs: number, deadlineMs: number): (nowMs: number, answered: boolean) => void;
}

/** Options of {@link createPace}. */
export interface PaceOptions {
  readonly maxSize: number;
  readonly maxInFlight: number;
  /** More items than this are divided among the batches that may leave at once. */
  readonly worthSplitting: number;
}

interface Flight {
  readonly sentMs: number;
  readonly deadlineMs: number;
}

/** These leave without any wait: one batch is decided while the next travels. */
const BASE_IN_FLIGHT = 2;

/** Beyond these, batches follow each other no faster. Most stores answer within this time, and larger batches cost less. */
const MIN_GAP_MS = 5;

/**
 * While no answer arrives, the store may be frozen: gaps grow with the silence, of which a call waits at most this
 * share.
 */
const SILENCE_SHARE = 1 / 4;

/** Callers that may wait longer would still rather not. */
const MAX_BUDGET_MS = 500;

/** After this many failed batches in a row the store is failing. */
const MAX_FAILURES = 5;

/** The gap before the first probe of a store that is silent or failing. It doubles with each probe up to the last. */
const FIRST_PROBE_MS = 100;
const LAST_PROBE_MS = 1_000;

/** Stands in for the deadline of calls that have none. */
const MAX_FLIGHT_MS = 30_000;

/**
 * Lets concurrency follow latency. A store that answers within a few milliseconds gets large batches, two at a time. One
 * that takes longer gets more of them, so that a call waits only a small part of a round trip before it leaves.
 *
 * A batch without an answer by its deadline no longer counts as in flight. If nothing was answered since it left, the
 * store is silent; if batch after batch fails, it is failing. Single calls probe it then, until it answers again.
 */
export function createPace({ maxSize, maxInFlight, worthSplitting }: PaceOptions): Pace {
  const base = Math.min(BASE_IN_FLIGHT, maxInFlight);
  const flights = new Set<Flight>();
  const latency = createLatency();
  /** How long the callers of the last batch wait at most. Batches in flight are spread over this time. */
  let budgetMs = 0;
  let lastSentMs = Number.NEGATIVE_INFINITY;
  let lastAnswerMs = Number.NEGATIVE_INFINITY;
  let silent = false;
  let failures = 0;
  let probeMs = FIRST_PROBE_MS;

  function isDown(): boolean {
    return silent || failures >= MAX_FAILURES;
  }

  /** Frees the places of batches whose callers no longer wait. Returns the earliest deadline of the others. */
  function expire(nowMs: number): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const flight of flights) {
      if (flight.deadlineMs > nowMs) {
        earliestMs = Math.min(earliestMs, flight.deadlineMs);
        continue;
      }
      flights.delete(flight);
      if (lastAnswerMs < flight.sentMs) silent = true;
    }
    return earliestMs;
  }

  /** The time that has to lie between the last batch and the next one. */
  function gapMs(nowMs: number): number {
    const [oldest] = flights;
    if (isDown()) return probeMs;
    if (oldest === undefined) return 0;
    const silenceMs = nowMs - Math.max(lastAnswerMs, oldest.sentMs);
    return Math.max(MIN_GAP_MS, budgetMs / maxInFlight, silenceMs * SILENCE_SHARE);
  }

  return {
    get idle() {
      return flights.size === 0;
    },

    get probing() {
      return isDown();
    },

    get failing() {
      return failures >= MAX_FAILURES;
    },

    waitMs(nowMs) {
      if (flights.size < base && !isDown()) return 0;
      const nextExpiryMs = expire(nowMs);
      if (flights.size < base && !isDown()) return 0;
      if (flights.size >= (isDown() ? 1 : maxInFlight)) return nextExpiryMs - nowMs;
      // A clock that was replaced, as by fake timers, may be behind: then nothing waits for it.
      const sinceMs = nowMs < lastSentMs ? Number.POSITIVE_INFINITY : nowMs - lastSentMs;
      return Math.max(0, gapMs(nowMs) - sinceMs);
    },

    sizeFor(items) {
      const free = Math.max(1, base - flights.size);
      return Math.min(maxSize, Math.max(Math.ceil(items / free), worthSplitting));
    },

    hopelessMs(nowMs) {
      return latency.isRecent(lastAnswerMs, nowMs) ? nowMs + latency.shortestMs : nowMs;
    },

    sent(nowMs, deadlineMs) {
      const flight = { sentMs: nowMs, deadlineMs: Math.min(deadlineMs, nowMs + MAX_FLIGHT_MS) };
      flights.add(flight);
      lastSentMs = nowMs;
      budgetMs = Math.min(deadlineMs - nowMs, MAX_BUDGET_MS);
      if (isDown()) probeMs = Math.min(LAST_PROBE_MS, 2 * probeMs);
      return (endMs, answered) => {
        flights.delete(flight);
        silent = false;
        failures = answered ? 0 : failures + 1;
        if (!isDown()) probeMs = FIRST_PROBE_MS;
        if (!answered) return;
        latency.took(endMs - nowMs, !latency.isRecent(lastAnswerMs, endMs));
        lastAnswerMs = endMs;
      };
    },
  };
}

/**
 * The pace on runtimes where I/O belongs to a request: no batch may wait for the answer of another one, since the request
 * that sent it may have ended.
 */
export function unpaced(maxSize: number): Pace {
  const ended = (): void => {};
  return {
    idle: false,
    probing: false,
    failing: false,
    waitMs: () => 0,
    sizeFor: () => maxSize,
    hopelessMs: (nowMs) => nowMs,
    sent: () => ended,
  };
}
