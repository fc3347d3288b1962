import { type ClosedResponse, outcomeOf, type Settle } from "./refund.js";

/** A response of Node.js that may still be open. */
export interface EndingResponse extends ClosedResponse {
  readonly destroyed?: boolean | undefined;
  readonly socket?: object | null | undefined;
  end(...args: never[]): unknown;
  once(event: "finish" | "close", listener: () => void): unknown;
}

/**
 * Settles when a response of Node.js is over: finished, or closed before that. A response that a serverless platform
 * simulates is over when the platform's handler resolves, so it settles before it ends.
 *
 * @param errorOf returns what the framework's error handling was given, where the framework reports it
 */
export function settleAtEnd(response: EndingResponse, settle: Settle, errorOf?: () => unknown): void {
  if (isSimulated(response)) {
    settleBeforeEnd(response, settle, errorOf);
  } else {
    // Events come in the context of the connection, and what follows a promise runs in that of the request.
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

/** Whether the socket is an object with the few methods that an adapter of a platform needs, as of serverless-http. */
function isSimulated({ socket }: EndingResponse): boolean {
  return typeof socket === "object" && socket !== null && Object.getPrototypeOf(socket) === Object.prototype;
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
