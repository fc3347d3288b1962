import { invalidOption } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import { checkOptions, type Rules } from "../options.js";
import type { HeaderField } from "./headers/field.js";
import type { Settle } from "./settle.js";

/** A denied request and its answer. The option `handler` of a guard receives it. */
export interface Denial<Reason extends string = string, Found = unknown> {
  /** The check that denied, such as `"limited"`. `"unavailable"` if its store did not answer. */
  readonly reason: Reason;
  /** The result of the check, such as a decision or a block. */
  readonly found: Found;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** The fields that belong to the denial, such as `Retry-After`. They are already set on the response. */
  readonly fields: readonly HeaderField[];
  /** The guard's option `name`. */
  readonly name: string | undefined;
}

/** The answer when a store did not answer. */
export type UnavailableDenial = Denial<"unavailable", undefined>;

/** The answer of a check when it denies. */
export interface AnswerOptions<Req, Found> {
  /** The status: 400 to 599. */
  statusCode?: number | undefined;
  /** The `type` of the problem document. */
  type?: string | undefined;
  /** The `title` of the problem document. Default: the title of the default type. Another type has no default title. */
  title?: string | undefined;
  /** Replaces the problem document as body: a text, an object to send as JSON, or a function that returns one of them. */
  message?: string | object | ((request: Req, found: Found) => MaybePromise<string | object>) | undefined;
}

/** The rules of {@link AnswerOptions}. `contentOf` checks messages. */
export const ANSWER_RULES: Rules<AnswerOptions<never, never>> = {
  statusCode: { min: 400, max: 599 },
  type: { is: (type) => typeof type === "string" && /^[\x21-\x7e]+$/.test(type), must: "be a URI" },
  title: { is: (title) => typeof title === "string" && title !== "", must: "be a non-empty string" },
  message: "any",
};

/** The default answer of a check, which its {@link AnswerOptions} can change. */
export interface StandardAnswer {
  readonly status: number;
  /** Default `"about:blank"`. */
  readonly type?: string;
  readonly title: string;
}

type MessageWriter<Req, Found> = (request: Req, found: Found) => MaybePromise<string | object>;

/** Creates answers, checked before the first request. */
export interface Answerer<Req, Found> {
  readonly status: number;
  /**
   * The content of an answer.
   *
   * @param status the status, if it is not the answerer's own
   * @param problem the problem document or, unless `isWhole`, only the part after its `type`, `title` and `status`
   * @param isWhole true if `problem` is a complete document and replaces a fixed message of the options
   */
  body(request: Req, found: Found, problem: object, isWhole?: boolean): MaybePromise<Content>;
}

/** The content of a response. */
export interface Content {
  readonly contentType: string;
  readonly body: string;
}

/** A cache must not send a denial to other clients (RFC 6585, section 4), or to the same client later. */
export const NO_STORE: HeaderField = { name: "Cache-Control", value: "no-store", append: false };

const TYPES = "https://iana.org/assignments/http-problem-types";

/** The problem type of a reached limit (draft-ietf-httpapi-ratelimit-headers-11, section 5). */
export const QUOTA_EXCEEDED: StandardAnswer = {
  status: 429,
  type: `${TYPES}#quota-exceeded`,
  title: "Request cannot be satisfied as assigned quota has been exceeded",
};

/** The store did not answer, and the check denies then. */
export const REDUCED_CAPACITY: object = {
  type: `${TYPES}#temporary-reduced-capacity`,
  title: "Request cannot be satisfied due to temporary server capacity constraints",
  status: 503,
  "violated-policies": [],
};

/** @throws SluiceError `INVALID_OPTION` for an invalid message; {@link ANSWER_RULES} checks the rest */
export function answerer<Req, Found>(
  options: AnswerOptions<Req, Found>,
  standard: StandardAnswer,
): Answerer<Req, Found> {
  const { statusCode = standard.status, message } = options;
  const head = { ...typeOf(options, standard, statusCode), status: statusCode };
  const fixed = message === undefined || typeof message === "function" ? undefined : contentOf(message);
  return {
    status: statusCode,
    body(request, found, problem, isWhole = false) {
      if (typeof message === "function")
        return after((message as MessageWriter<Req, Found>)(request, found), contentOf);
      return (isWhole ? undefined : fixed) ?? problemOf(isWhole ? problem : { ...head, ...problem });
    },
  };
}

/** The problem type and its title (RFC 9457, section 3.1.3). The title of `about:blank` is the name of the status. */
function typeOf(
  options: { readonly type?: string | undefined; readonly title?: string | undefined },
  standard: StandardAnswer,
  statusCode: number,
): { type: string; title?: string } {
  const { type: standardType = "about:blank" } = standard;
  const { type = standardType } = options;
  const isStandard = type === standardType && (type !== "about:blank" || statusCode === standard.status);
  const { title = isStandard ? standard.title : undefined } = options;
  return title === undefined ? { type } : { type, title };
}

export function problemOf(problem: object): Content {
  return { contentType: "application/problem+json", body: JSON.stringify(problem) };
}

/** @throws SluiceError `INVALID_OPTION` for an invalid message */
export function contentOf(message: string | object): Content {
  if (typeof message === "string") return { contentType: "text/plain; charset=utf-8", body: message };
  const body = typeof message === "object" && message !== null ? toJson(message) : undefined;
  if (body !== undefined) return { contentType: "application/json", body };
  throw invalidOption("message", message, "be a string, an object for JSON, or a function that returns one of them");
}

function toJson(message: object): string | undefined {
  try {
    return JSON.stringify(message);
  } catch (error) {
    throw invalidOption("message", message, "be an object that JSON can represent", { cause: error });
  }
}

/**
 * Returns a function that creates the denials of a check whose answer the app may change (see {@link AnswerOptions}).
 * Checks with a fixed answer use {@link refuse}.
 *
 * @param standard the default answer; `detail` explains to people what happened
 * @throws SluiceError `INVALID_OPTION`
 */
export function denier<Req, Found, Reason extends string>(
  options: AnswerOptions<Req, Found>,
  standard: { readonly reason: Reason; readonly status: number; readonly title: string; readonly detail: string },
): (request: Req, found: Found) => MaybePromise<Denial<Reason, Found>> {
  const { reason, status, title, detail } = standard;
  checkOptions(options, ANSWER_RULES, reason);
  const answers = answerer(options, { status, title });
  return (request, found) =>
    after(answers.body(request, found, { detail }), (content) => {
      return { reason, found, status: answers.status, ...content, fields: [NO_STORE], name: undefined };
    });
}

/** The decision of a guard about a request. */
export interface Verdict<D extends Denial = Denial> {
  /** The value for the first of the guard's `properties`. */
  readonly found: unknown;
  /** The values for the other properties, in order. */
  readonly others: readonly unknown[] | undefined;
  /** Fields of the response, whatever its status. Set or append them before anything can end the response. */
  readonly fields: readonly HeaderField[];
  /** The answer, if the request does not continue. */
  readonly denial: D | undefined;
  /** Call it when the response has ended. `undefined` if nothing is left to do then. */
  readonly settle: Settle | undefined;
}

/** The field that reports what a dry run would have decided. */
export function dryRunField(allowed: boolean): HeaderField {
  return { name: "Sluice-Dry-Run", value: allowed ? "allowed" : "denied", append: true };
}
