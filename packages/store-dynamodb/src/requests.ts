import { createLatency } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import { isConnectionError, type MiddlewareStack, type Send, sendOnce, Unanswered, watchAnswers } from "./client.js";

/** A command of the AWS SDK. */
export interface Command {
  readonly middlewareStack: object;
}

/** Sends one command. Rejects by the deadline, a time of `performance.now()`, and then closes the connection. */
export type Request = (command: Command, deadlineMs: number, isWrite: boolean) => Promise<unknown>;

/** The maximum time of a request whose caller has more time. */
const MAX_REQUEST_MS = 10_000;

/** Captured when this module is loaded. Some runtimes do not have it. */
const { setImmediate: startImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

export function createRequest(send: Send, pace: Pace, skew: ClockSkew): Request {
  return (command, deadlineMs, isWrite) => {
    const stack = command.middlewareStack as MiddlewareStack;
    watchAnswers(stack, ({ date, sentMs, answeredMs, tookMs }) => {
      pace.took(tookMs);
      if (date !== undefined) skew.observe(date, sentMs, answeredMs);
    });
    if (isWrite) sendOnce(stack);

    return new Promise((resolve, reject) => {
      const abort = new AbortController();
      const startMs = performance.now();
      const ended = pace.sent(startMs);
      let settled = false;
      const isFirst = (): boolean => {
        if (settled) return false;
        settled = true;
        clearTimeout(timer);
        return true;
      };
      const giveUp = (): void => {
        if (!isFirst()) return;
        ended(performance.now(), "unanswered");
        // The client may be waiting for something that can't be aborted, such as credentials.
        reject(
          new SluiceError("STORE_TIMEOUT", "DynamoDB did not answer in time; the request may have been carried out", {
            cause: pace.error,
          }),
        );
        abort.abort();
      };
      const leftMs = Math.min(MAX_REQUEST_MS, deadlineMs - startMs);
      const timer = setTimeout(() => afterReading(giveUp), Math.max(1, leftMs));
      send(command, { abortSignal: abort.signal }).then(
        (answer) => {
          if (!isFirst()) return;
          ended(performance.now(), "answered");
          resolve(answer);
        },
        (error: unknown) => {
          const reason = error instanceof Unanswered ? error.reason : error;
          const isLate = !isFirst();
          const isBroken = isConnectionError(reason);
          if (!isLate) ended(performance.now(), isBroken ? "disconnected" : "answered");
          // A late error, such as missing credentials, explains why there was no answer.
          if (isBroken || (isLate && !isAbort(reason))) pace.error = reason;
          reject(error);
        },
      );
    });
  };
}

function isAbort(error: unknown): boolean {
  return (error as Partial<Error> | undefined)?.name === "AbortError";
}

/**
 * Timers run before sockets in a turn of the event loop. After a long turn the answer may have arrived but not been read.
 */
function afterReading(callback: () => void): void {
  if (startImmediate === undefined) callback();
  else startImmediate(() => startImmediate(callback));
}

/** Compares this machine's clock with DynamoDB's clock. */
export interface ClockSkew {
  /** Records an answer's `Date` header, and when the request was sent and the answer arrived by this machine's clock. */
  observe(date: string, sentMs: number, answeredMs: number): void;
}

/**
 * Calls `report` when the clock is found to differ by `limitMs` or more, and again only after it was correct in between.
 * The header has whole seconds and the answer takes time, so the difference is a lower bound.
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
        // An error of the listener must not fail the decision.
        console.error("[sluice] onClockSkew threw", error);
      }
    },
  };
}

/**
 * A lower bound of how far this clock is ahead (positive) or behind (negative). The answer was created within the second
 * that begins at `serverMs`.
 */
function leastSkewMs(serverMs: number, sentMs: number, answeredMs: number): number {
  if (sentMs >= serverMs + 1_000) return sentMs - (serverMs + 999);
  return Math.min(0, answeredMs - serverMs);
}

/** How a request ended: with an answer, without one by its deadline, or with a broken or refused connection. */
export type RequestEnd = "answered" | "unanswered" | "disconnected";

/**
 * Learns from the latest requests how long DynamoDB takes, and whether it answers at all. Times are of `performance.now()`.
 */
export interface Pace {
  /** Records that a request is sent. Call the returned function when it ends. */
  sent(nowMs: number): (nowMs: number, end: RequestEnd) => void;
  /** Records how long an attempt took that DynamoDB answered. */
  took(ms: number): void;
  /**
   * The latest deadline that can't be kept, according to the fastest recent answer: requests with it or an earlier one are
   * late.
   */
  hopelessMs(nowMs: number): number;
  /** The time within which nearly all answers come. 0 while it is unknown. */
  usualMs(nowMs: number): number;
  /** The time at which the next request may be sent: minus infinity, unless DynamoDB is {@link Pace.silent}. */
  nextMs(): number;
  /** True if the latest requests got no answer. Single requests then probe DynamoDB. */
  readonly silent: boolean;
  /**
   * How many requests may be in flight. After a silence it grows by two with each answer, so that no burst causes the next
   * silence.
   */
  readonly window: number;
  /** The last connection error since an answer of DynamoDB. */
  error: unknown;
}

/** The gap before the first probe. It doubles with each probe, up to the maximum. */
const FIRST_PROBE_MS = 100;
const LAST_PROBE_MS = 500;

/**
 * DynamoDB is silent after this many failures in a row. A failure counts if its request was sent after the previous
 * failure.
 */
const SILENT_FAILURES = 2;

/** DynamoDB has recovered when this many requests may be in flight. */
const FULL_WINDOW = 64;

/**
 * If nothing is in flight, a request is sent if it has at least this share of the time that an answer takes. Otherwise a
 * faster answer would never be noticed.
 */
const IDLE_SHARE = 1 / 2;

/** If nothing has been in flight for this long, a request is sent regardless of recent answers. */
const MAX_IDLE_MS = 50;

export function createPace(): Pace {
  const latency = createLatency();
  let lastSentMs = Number.NEGATIVE_INFINITY;
  let lastAnswerMs = Number.NEGATIVE_INFINITY;
  let lastFailureMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let probes = 0;
  let inFlight = 0;
  let window = Number.POSITIVE_INFINITY;

  const isKnown = (nowMs: number): boolean => latency.isRecent(lastAnswerMs, nowMs);

  function failed(sentMs: number, nowMs: number, end: RequestEnd): void {
    // Requests that were in flight together fail together, so they count once.
    if (sentMs < lastFailureMs || sentMs < lastAnswerMs) return;
    // A request with less time than an answer takes proves nothing.
    if (end === "unanswered" && isKnown(sentMs) && nowMs - sentMs < latency.shortestMs) return;
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

    took: (ms) => latency.took(ms),

    hopelessMs(nowMs) {
      if (!isKnown(nowMs)) return nowMs;
      if (inFlight > 0) return nowMs + latency.shortestMs;
      return nowMs - lastAnswerMs > MAX_IDLE_MS ? nowMs : nowMs + latency.shortestMs * IDLE_SHARE;
    },

    usualMs: (nowMs) => (isKnown(nowMs) ? latency.usualMs : 0),

    nextMs() {
      if (!pace.silent) return Number.NEGATIVE_INFINITY;
      return lastSentMs + Math.min(LAST_PROBE_MS, FIRST_PROBE_MS * 2 ** probes);
    },
  };
  return pace;
}
