import { SluiceError } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import type { Warn, WarningCode } from "./warnings.js";

/** The outcome of a request, known when its response is over. */
export interface ResponseOutcome {
  /** The status that was sent. */
  readonly status: number;
  /** True if the client left before the end of the response. */
  readonly aborted: boolean;
  /** The error that the framework's error handling got, if the framework reports it to middleware: in Koa and Hono. */
  readonly error?: unknown;
}

/**
 * The outcome of a Node.js response. With HTTP/2, a response whose client left also counts as finished, although it never
 * ended.
 */
function outcomeOf(response: EndingResponse, error?: unknown): ResponseOutcome {
  const { statusCode, writableEnded, writableFinished } = response;
  return { status: statusCode, aborted: !(writableEnded && writableFinished), error };
}

/** Returns whether the charges of a request are refunded. */
export type RefundWhen<Req> = (outcome: ResponseOutcome, request: Req) => MaybePromise<boolean | undefined>;

/** Called with the outcome of the request. Later calls do nothing. The promise never rejects. */
export type Settle = (outcome: ResponseOutcome) => Promise<void>;

/**
 * Creates the function that an adapter calls when the response has ended. A client that leaves early is never refunded: it
 * could keep handlers busy and retry for free.
 *
 * @param failing for the warning if a refund fails: the option that decided about it, and the effect on the request
 */
export function refundAtEnd<Req>(
  refundWhen: RefundWhen<Req>,
  warn: Warn,
  failing: { readonly option: string; readonly code: WarningCode; readonly effect: string },
): (request: Req, refund: () => Promise<unknown>) => Settle {
  return (request, refund) => {
    let settled: Promise<void> | undefined;
    async function settle(outcome: ResponseOutcome): Promise<void> {
      if (outcome.aborted) return;
      try {
        if ((await refundWhen(outcome, request)) === true) await refund();
      } catch (error) {
        // The response has been sent, so only the console can report the failure.
        const { option, code, effect } = failing;
        warn(code, `${effect}: ${error instanceof SluiceError ? error.code : `${option} threw`}.`);
      }
    }
    // Only the first outcome counts, because a response may report its end in several ways.
    return (outcome) => {
      settled ??= settle(outcome);
      return settled;
    };
  };
}

/** A response of Node.js that may still be open. */
export interface EndingResponse {
  readonly statusCode: number;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly destroyed?: boolean | undefined;
  readonly socket?: object | null | undefined;
  end(...args: never[]): unknown;
  once(event: "finish" | "close", listener: () => void): unknown;
}

/**
 * Settles when a Node.js response is over: finished, or closed before that. A serverless platform ends a simulated response
 * when its handler resolves, so such a response settles before it ends.
 *
 * @param errorOf returns the error that the framework's error handling got, if the framework reports it
 */
export function settleAtEnd(response: EndingResponse, settle: Settle, errorOf?: () => unknown): void {
  if (isSimulated(response)) {
    settleBeforeEnd(response, settle, errorOf);
  } else {
    // Events are emitted in the context of the connection, but callbacks of a promise run in that of the request.
    void ended(response).then(() => settle(outcomeOf(response, errorOf?.())));
  }
}

function ended(response: EndingResponse): Promise<void> {
  return new Promise((resolve) => {
    // It ended while the store was asked, so no further event comes.
    if (response.writableFinished || response.destroyed === true) resolve();
    // Mocked responses never close, and a response that is cut off may close without having finished.
    response.once("finish", () => {
      if (response.writableEnded && response.writableFinished) resolve();
    });
    response.once("close", resolve);
  });
}

/** Returns whether the socket is simulated, as by serverless-http or light-my-request. Real sockets have `remoteAddress`. */
function isSimulated({ socket }: EndingResponse): boolean {
  return typeof socket === "object" && socket !== null && !("remoteAddress" in socket);
}

function settleBeforeEnd(response: EndingResponse, settle: Settle, errorOf?: () => unknown): void {
  const { end } = response;
  let isEnding = false;
  const endLater = (...args: unknown[]): EndingResponse => {
    if (isEnding) return response;
    isEnding = true;
    const outcome = { status: response.statusCode, aborted: false, error: errorOf?.() };
    void settle(outcome).then(() => Reflect.apply(end, response, args));
    return response;
  };
  Object.defineProperty(response, "end", { value: endLater, configurable: true, writable: true });
}
