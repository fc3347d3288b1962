import { createLatency } from "@sluice/core/kit";
import { SluiceError } from "@sluice/core/store";
import { isConnectionError, type MiddlewareStack, type Send, sendOnce, Unanswered, watchAnswers } from "./client.js";

/** A command of the AWS SDK. */
export interface Command {
  readonly middlewareStack: object;
}

/** Sends one command. Rejects by the deadline, a time of `performance.now()`, and then gives the connection up. */
export type Request = (command: Command, deadlineMs: number, isWrite: boolean) => Promise<unknown>;

/** How long a request may take whose caller has more time. */
const MAX_REQUEST_MS = 10_000;

/** As it was when this module was loaded, and absent on some runtimes. */
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
        // The client may wait for something that can't be aborted, such as credentials.
        reject(
          new SluiceError("STORE_TIMEOUT", "DynamoDB did not answer in time; what was asked may have been done", {
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
          // A late error tells why there was no answer, such as that there are no credentials.
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

/** Timers come before sockets in a turn of the event loop: after a long turn the answer may have arrived and not been read. */
function afterReading(callback: () => void): void {
  if (startImmediate === undefined) callback();
  else startImmediate(() => startImmediate(callback));
}

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

/** With nothing in flight, a request is sent if there is time for this share of an answer: nothing else would show a faster one. */
const IDLE_SHARE = 1 / 2;

/** After this time with nothing in flight, it is sent whatever the latest answers took. */
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
    // Requests that were in flight together fail together, which counts once.
    if (sentMs < lastFailureMs || sentMs < lastAnswerMs) return;
    // One that had less time than an answer takes shows nothing.
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
