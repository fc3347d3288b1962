import type { Policy } from "../algorithm/policy.js";
import { invalidOption } from "../errors.js";
import type { Decision } from "../limiter/decision.js";
import type { Limiter } from "../limiter/limiter.js";
import { LIMITER_RULES, type LimiterOptions } from "../limiter/options.js";
import type { MaybePromise } from "../maybe-promise.js";
import { expectNone, type Rules } from "../options.js";
import { checkStore, type Store } from "../store/store.js";
import { ANSWER_RULES, type AnswerOptions } from "./answer.js";
import { FORMS, type HeaderFormName } from "./headers/writer.js";
import { GUARD_HINTS } from "./identify.js";
import type { RefundWhen } from "./settle.js";

/**
 * One policy, several policies that are decided together, or a function that returns those of a request (for plans, for
 * example). Policies with the same name and algorithm share their counts.
 */
export type Policies<Req> = Policy | readonly Policy[] | ((request: Req) => MaybePromise<Policy | readonly Policy[]>);

/**
 * Options of a limit in a guard. Those of {@link LimiterOptions} apply only to a store, because a limiter has its own.
 * `statusCode` is 429 by default. `type` and `title` are those of the IETF draft, whose registration is only requested. A
 * `message` function also writes the body if the store did not answer (`decision.source` is then `"failClosed"`).
 *
 * @typeParam Req the argument of the functions: the framework's request, or its context
 */
export interface LimitOptionsOf<Req> extends Omit<LimiterOptions, "store" | "policies">, AnswerOptions<Req, Decision> {
  /** Units that a request takes: a whole number of 1 or more. Default 1. */
  cost?: number | ((request: Req) => MaybePromise<number>) | undefined;
  /**
   * The forms of the RateLimit fields. Default `"draft-11"`. If several forms share a field name, the newest form is used.
   * Denials always have `Retry-After`, even with `"none"` or `false`.
   */
  headers?: HeaderFormName | readonly HeaderFormName[] | "none" | false | undefined;
  /** Whether `X-RateLimit-Reset` is in seconds since 1970 or in seconds from now. Default `"epoch"`. */
  legacyReset?: "epoch" | "delta" | undefined;
  /** The unit of costs if it is not requests, such as `"content-bytes"`. Draft 11 sends it in its policy field. */
  unit?: string | undefined;
  /**
   * Decides whether the cost of a request is refunded. Called when the response has ended, but not if the request was
   * denied or the client left early. A cost is refunded at most once.
   */
  refundWhen?: RefundWhen<Req> | undefined;
  /** The property of the request that holds the decision. Default `"rateLimit"`. */
  requestProperty?: string | undefined;
}

type AnyOptions = LimitOptionsOf<never>;

const { store: _, policies: __, ...OF_LIMITER } = LIMITER_RULES;

/** The rules of {@link LimitOptionsOf}. */
export const LIMIT_RULES: Rules<AnyOptions> = {
  ...OF_LIMITER,
  ...ANSWER_RULES,
  cost: "any",
  headers: FORMS,
  legacyReset: ["epoch", "delta"],
  unit: { characters: 128 },
  refundWhen: "function",
  requestProperty: { is: isProperty, must: "be the name of a property" },
};

function isProperty(name: unknown): boolean {
  return typeof name === "string" && name !== "" && name !== "__proto__";
}

const ARGUMENTS =
  'pass it before the options, as in rateLimit(store, fixedWindow({ limit: 100, window: "1m" }), options).';

/** For {@link checkOptions}: names that are arguments or settings of the framework. */
export const LIMIT_HINTS: Readonly<Record<string, string>> = {
  policies: ARGUMENTS,
  store: ARGUMENTS,
  ...GUARD_HINTS,
};

/**
 * Tells policies from options in the arguments of `rateLimit(store, policies?, options?)`: policies have an `algorithm`.
 * With three arguments, the limiter checks the second.
 */
export function policiesAndOptions<Req, O extends object>(
  second: Policies<Req> | O | undefined,
  third: O | undefined,
): { readonly policies: Policies<Req> | undefined; readonly options: Partial<O> } {
  if (isPolicies(second) || (second !== undefined && third !== undefined)) {
    return { policies: second as Policies<Req>, options: third ?? {} };
  }
  const options = third === undefined ? second : third;
  return { policies: undefined, options: options === undefined ? {} : options };
}

function isPolicies<Req>(value: Policies<Req> | object | undefined): value is Policies<Req> {
  if (typeof value === "function" || Array.isArray(value)) return true;
  return typeof value === "object" && value !== null && "algorithm" in value;
}

/** Checks for a limiter by its methods. A store has some of them, and a limiter has some of a store's. */
export function isLimiter(value: Store | Limiter): value is Limiter {
  return typeof (value as Partial<Limiter> | undefined)?.consume === "function";
}

/**
 * Checks the first argument of `rateLimit` before its options. The two are often exchanged, and `app.use(rateLimit)` passes
 * neither.
 *
 * @throws SluiceError `INVALID_STORE`
 */
export function checkStoreOrLimiter(storeOrLimiter: Store | Limiter): void {
  if (!isLimiter(storeOrLimiter)) checkStore(storeOrLimiter);
}

/**
 * Our functions that users pass by mistake instead of their result. Matched by name, so that bundles contain only those in
 * use. In minified code the first request throws instead.
 */
const POLICY_MAKERS = /^(tokenBucket|fixedWindow|slidingWindow|slidingLog)$/;

/**
 * Checks that `policies` is not one of our functions, and that no option is without effect because a limiter was passed.
 *
 * @throws SluiceError `INVALID_OPTION`
 */
export function checkLimit(storeOrLimiter: Store | Limiter, policies: unknown, options: AnyOptions): void {
  if (typeof policies === "function" && POLICY_MAKERS.test(policies.name)) {
    throw invalidOption("policies", policies, "be a policy, not a function: call it, as in tokenBucket({ rate: 100 })");
  }
  if (isLimiter(storeOrLimiter)) {
    expectNone({ policies, ...limiterOptionsOf(options) }, "be set in createLimiter if you pass a limiter");
  }
}

/** The limiter's options among those of a limit. */
export function limiterOptionsOf(options: AnyOptions): Omit<LimiterOptions, "store" | "policies"> {
  const names = Object.keys(OF_LIMITER) as (keyof typeof OF_LIMITER)[];
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}
