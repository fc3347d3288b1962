import { invalidOption } from "../errors.js";
import type { Decision } from "../limiter/decision.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import { retryAfterSeconds } from "./headers/retry-after.js";
import { problemType, QUOTA_EXCEEDED, quotaExceeded, reducedCapacity } from "./problem.js";

/** An answer to a request that may not go on. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What `rateLimit` answers: 429 or the `statusCode` option over a limit, 503 when the store did not answer. */
export interface Rejection extends Answer {
  readonly decision: Decision;
  /** The middleware's option `name`. */
  readonly name: string | undefined;
}

/** The body of a rejection: a text, or an object that is sent as JSON. */
export type Message = string | object;

/** Options of a rejection. */
export interface RejectionOptions<Req> {
  /** The status of a response to a request over the limit: 400 to 599. Default 429. */
  statusCode?: number | undefined;
  /** The `type` of the problem document. Default: the one of the IETF draft, whose registration is only requested. */
  type?: string | undefined;
  /** The `title` of the problem document. Default: the one of the draft's type, and none with a `type` of your own. */
  title?: string | undefined;
  /**
   * The body instead of the problem document: a text, or an object that is sent as JSON. A function also makes the body
   * for a store that did not answer (`decision.source` is then `"failClosed"`); the other two are for reached limits.
   */
  message?: Message | MessageWriter<Req> | undefined;
}

/** Makes the body of a rejection. */
export type MessageWriter<Req> = (request: Req, decision: Decision) => MaybePromise<Message>;

type Body = Pick<Answer, "contentType" | "body">;

/** Makes the function that makes rejections. @throws SluiceError `INVALID_OPTION` */
export function rejecter<Req>(
  options: RejectionOptions<Req> & { name?: string | undefined },
): (request: Req, decision: Decision) => MaybePromise<Rejection> {
  const { statusCode = 429, message, name } = options;
  if (!Number.isInteger(statusCode) || statusCode < 400 || statusCode > 599) {
    throw invalidOption("statusCode", statusCode, "give a status of an error, 400 to 599");
  }
  const type = problemType(options, QUOTA_EXCEEDED);
  const write = typeof message === "function" ? (message as MessageWriter<Req>) : undefined;
  const fixed = write !== undefined || message === undefined ? undefined : bodyOf(message);
  const unavailable = problemBody(reducedCapacity());

  return (request, decision) => {
    const failed = decision.source === "failClosed";
    const status = failed ? 503 : statusCode;
    if (write !== undefined) {
      return after(write(request, decision), (written) => ({ decision, status, name, ...bodyOf(written) }));
    }
    if (failed) return { decision, status, name, ...unavailable };
    const body = fixed ?? problemBody(quotaExceeded(type, status, decision.violated, retryAfterSeconds(decision)));
    return { decision, status, name, ...body };
  };
}

/** A problem document (RFC 9457) as a body. */
export function problemBody(problem: object): Body {
  return { contentType: "application/problem+json", body: JSON.stringify(problem) };
}

/** @throws SluiceError `INVALID_OPTION` for a message that is none */
export function bodyOf(message: Message): Body {
  if (typeof message === "string") return { contentType: "text/plain; charset=utf-8", body: message };
  const body = typeof message === "object" && message !== null ? toJson(message) : undefined;
  if (body !== undefined) return { contentType: "application/json", body };
  throw invalidOption("message", message, "give a text, an object for JSON, or a function that returns one of them");
}

function toJson(message: object): string | undefined {
  try {
    return JSON.stringify(message);
  } catch (error) {
    throw invalidOption("message", message, "it can't be written as JSON", { cause: error });
  }
}
