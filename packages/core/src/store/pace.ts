import { createLatency } from "./latency.js";

/** Decides when the next batch may be sent, according to the answers so far. Times are of `performance.now()`. */
export interface Pace {
  /** How long the next batch has to wait if no answer comes meanwhile. 0 if it may be sent now. */
  waitMs(nowMs: number): number;
  /** The most items for the next batch, of the waiting `items`. */
  sizeFor(items: number): number;
  /** The time of the latest deadline that can't be kept: calls with this deadline or an earlier one are too late. */
  hopelessMs(nowMs: number): number;
  /** True if no batch is in flight. */
  readonly idle: boolean;
  /** True if the store is down: the next batch is then a probe of one call. */
  readonly probing: boolean;
  /** True if the last batches all failed, for example because the server rejects connections. */
  readonly failing: boolean;
  /** Notes that a batch is sent. Returns a function that notes its end, and whether the store answered. */
  sent(nowMs: number, deadlineMs: number): (nowMs: number, answered: boolean) => void;
}

/** Options of {@link createPace}. */
export interface PaceOptions {
  readonly maxSize: number;
  readonly maxInFlight: number;
  /** If there are more items than this, they are divided among the batches that may be sent at once. */
  readonly worthSplitting: number;
}

interface Flight {
  readonly sentMs: number;
  readonly deadlineMs: number;
}

/** This many batches are sent without a wait: one is decided while the next travels. */
const BASE_IN_FLIGHT = 2;

/** The shortest gap between further batches. Most stores answer within this time, and larger batches cost less. */
const MIN_GAP_MS = 5;

/**
 * While no answer arrives, the store may be frozen, so gaps grow with the silence. A call waits at most this share of it.
 */
const SILENCE_SHARE = 1 / 4;

/** The most time over which batches are spread, even for callers that would wait longer. */
const MAX_BUDGET_MS = 500;

/** The store counts as failing after this many failed batches in a row. */
const MAX_FAILURES = 5;

/** The gap before the first probe of a silent or failing store. It doubles with each probe, up to the maximum. */
const FIRST_PROBE_MS = 100;
const LAST_PROBE_MS = 1_000;

/** Replaces the deadline of calls without one. */
const MAX_FLIGHT_MS = 30_000;

/**
 * Adapts concurrency to latency. A store that answers within a few milliseconds gets two large batches at a time. A slower
 * store gets more batches, so that a call waits only a small part of a round trip before it is sent.
 *
 * A batch without an answer by its deadline no longer counts as in flight. If nothing was answered since it was sent, the
 * store is silent. If batch after batch fails, the store is failing. In both cases single calls probe it until it answers.
 */
export function createPace({ maxSize, maxInFlight, worthSplitting }: PaceOptions): Pace {
  const base = Math.min(BASE_IN_FLIGHT, maxInFlight);
  const flights = new Set<Flight>();
  const latency = createLatency();
  /** The longest wait of the callers of the last batch. Batches in flight are spread over this time. */
  let budgetMs = 0;
  let lastSentMs = Number.NEGATIVE_INFINITY;
  let lastAnswerMs = Number.NEGATIVE_INFINITY;
  let silent = false;
  let failures = 0;
  let probeMs = FIRST_PROBE_MS;

  function isDown(): boolean {
    return silent || failures >= MAX_FAILURES;
  }

  /** Removes batches whose callers no longer wait. Returns the earliest deadline of the others. */
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

  /** The minimum time between the last batch and the next one. */
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
      // A replaced clock, such as fake timers, may be behind. Then no batch waits for it.
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
 * The pace on runtimes where I/O belongs to a request: no batch may wait for the answer of another one, because the request
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
