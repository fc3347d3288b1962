import { SluiceError } from "../errors.js";
import type { Decider } from "../limiter/decider.js";
import type { Decision } from "../limiter/decision.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { Diagnostics } from "./diagnostics.js";

/** What became of a request, known when its response is over. */
export interface ResponseOutcome {
  /** The status that was sent. */
  readonly status: number;
  /** Whether the client left before the end of the response. */
  readonly aborted: boolean;
  /** What the framework's error handling was given, where the framework lets middleware know: in Koa and Hono. */
  readonly error?: unknown;
}

/** The state of a response of Node.js. */
export interface ClosedResponse {
  readonly statusCode: number;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
}

/** What became of a response of Node.js. With HTTP/2 a client that left makes it finished as well, although it never ended. */
export function outcomeOf(response: ClosedResponse, error?: unknown): ResponseOutcome {
  const { statusCode, writableEnded, writableFinished } = response;
  return { status: statusCode, aborted: !(writableEnded && writableFinished), error };
}

/** Says whether a request is given back its cost. */
export type RefundWhen<Req> = (outcome: ResponseOutcome, request: Req) => MaybePromise<boolean | undefined>;

/** Called with what became of the request; later calls do nothing. The promise never rejects. */
export type Settle = (outcome: ResponseOutcome) => Promise<void>;

/**
 * Makes what an adapter calls when the response is over. A client that leaves is never given anything back: it would
 * have what it came for, a handler at work, and try again for nothing.
 */
export function settler<Req>(
  refundWhen: RefundWhen<Req>,
  diagnostics: Diagnostics,
): (request: Req, limiter: Decider, decision: Decision) => Settle {
  return (request, limiter, decision) =>
    settleOnce(async (outcome) => {
      if (outcome.aborted) return;
      try {
        if ((await refundWhen(outcome, request)) === true) await limiter.refund(decision);
      } catch (error) {
        // The response has been sent, so only the console is left.
        const what = error instanceof SluiceError ? error.code : "refundWhen threw";
        diagnostics.warn("REFUND_FAILED", `a request was not refunded: ${what}.`);
      }
    });
}

/** Lets the first outcome count: a response may report its end in several ways. */
export function settleOnce(settle: Settle): Settle {
  let settled: Promise<void> | undefined;
  return (outcome) => {
    settled ??= settle(outcome);
    return settled;
  };
}
