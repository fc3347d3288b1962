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
 * The outcome of a response of Node.js. With HTTP/2 a client that left makes it finished as well, although it never
 * ended.
 */
function outcomeOf(response: EndingResponse, error?: unknown): ResponseOutcome {
  const { statusCode, writableEnded, writableFinished } = response;
  return { status: statusCode, aborted: !(writableEnded && writableFinished), error };
}

/** Returns whether the charges of a request are refunded. */
export type RefundWhen<Req> = (outcome: ResponseOutcome, request: Req) => MaybePromise<boolean | undefined>;

/** Called with what became of the request; later calls do nothing. The promise never rejects. */
export type Settle = (outcome: ResponseOutcome) => Promise<void>;

/**
 * Creates the function that an adapter calls when the response is over. A client that leaves is never refunded: it
 * could keep handlers busy and retry for free.
 *
 * @param failing how to warn when it fails: the option that says whether to refund, and the effect on the request
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
        // The response has been sent, so only the console is left.
        const { option, code, effect } = failing;
        warn(code, `${effect}: ${error instanceof SluiceError ? error.code : `${option} threw`}.`);
      }
    }
    // The first outcome counts: a response may report its end in several ways.
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
 * Settles when a response of Node.js is over: finished, or closed before that. A response that a serverless platform
 * simulates is over when the platform's handler resolves, so it settles before it ends.
 *
 * @param errorOf returns the error that the framework's error handling got, if the framework reports it
 */
export function settleAtEnd(response: EndingResponse, settle: Settle, errorOf?: () => unknown): void {
  if (isSimulated(response)) {
    settleBeforeEnd(response, settle, errorOf);
  } else {
    // Events are emitted in the context of the connection, and callbacks of a promise run in that of the request.
    void ended(response).then(() => settle(outcomeOf(response, errorOf?.())));
  }
}

function ended(response: EndingResponse): Promise<void> {
  return new Promise((resolve) => {
    // It ended while the store was asked, so no event comes any more.
    if (response.writableFinished || response.destroyed === true) resolve();
    // Mocked responses never close, and one that is cut off may close without having finished.
    response.once("finish", () => {
      if (response.writableEnded && response.writableFinished) resolve();
    });
    response.once("close", resolve);
  });
}

/** Returns whether the socket is a stand-in, as of serverless-http or light-my-request: connections know an address or once did. */
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
