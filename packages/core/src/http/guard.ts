import { invalidOption } from "../errors.js";
import type { MaybePromise } from "../maybe-promise.js";
import { checkOptions, type Rules } from "../options.js";
import type { Denial, UnavailableDenial, Verdict } from "./answer.js";
import type { Check, CheckContext, CheckSource, DenialOf } from "./check.js";
import { GUARD_HINTS, IDENTITY_RULES, type IdentityOptions, identify } from "./identify.js";
import { type Decide, pipeline } from "./pipeline.js";
import type { HttpPort } from "./port.js";
import type { RefundWhen } from "./settle.js";
import { createWarn } from "./warnings.js";

/** Middleware without a framework. */
export interface Guard<Req, Handler, D extends Denial = Denial> {
  /**
   * Decides a request and charges it. The result is not a promise if the store and all options answer without one.
   * `undefined`: the request is not checked. Throws or rejects if an option's function throws or returns an invalid value,
   * or if there is no usable client address: the framework's error handling then has to answer.
   */
  check(request: Req): MaybePromise<Verdict<D> | undefined>;
  /** Answers denied requests instead of the default answer. */
  readonly handler: Handler | undefined;
  /** The properties of the request that hold the results of the checks: see {@link Verdict}. */
  readonly properties: readonly string[];
}

/**
 * Options of a guard, in every framework.
 *
 * @typeParam Req the argument of the functions: the framework's request, or its context
 * @typeParam Handler the function that answers denied requests, in the framework's own form
 */
export interface GuardOptionsOf<Req, Handler = never> extends IdentityOptions<Req> {
  /**
   * Decides whether everything charged to a request is refunded. Called when the response has ended, but not if the request
   * was denied or the client left early.
   */
  refundWhen?: RefundWhen<Req> | undefined;
  /**
   * Decides, charges and reports, but lets all requests through. Sends the RateLimit fields but not `Retry-After`. With
   * `"marked"` the response has a field `Sluice-Dry-Run` with the value `allowed` or `denied`. Default false.
   */
  dryRun?: boolean | "marked" | undefined;
  /** The name of this middleware in warnings and denials: 1 to 64 printable ASCII characters. */
  name?: string | undefined;
  /** Answers denied requests. Status and fields are already set. Default: the problem document, or the check's `message`. */
  handler?: Handler | undefined;
}

/** The rules of {@link GuardOptionsOf}. */
export const GUARD_RULES: Rules<GuardOptionsOf<never>> = {
  ...IDENTITY_RULES,
  refundWhen: "function",
  dryRun: [false, true, "marked"],
  name: { characters: 64 },
  handler: "function",
};

/**
 * Creates a guard from checks: all of a middleware except the framework's part. For authors of adapters.
 *
 * @param middleware the function that creates the middleware; warnings name it
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { createGuard, limit } from "@sluice/core/http";
 * import { tokenBucket } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * interface Call {
 *   readonly verb: string;
 *   readonly from: string;
 *   readonly fields: Readonly<Record<string, string>>;
 * }
 *
 * const guard = createGuard([limit<Call>(memoryStore(), tokenBucket({ rate: 10 }))], {}, {
 *   method: (call: Call) => call.verb,
 *   header: (call, name) => call.fields[name],
 *   address: (call) => call.from,
 * });
 * const verdict = await guard.check({ verb: "GET", from: "192.0.2.1", fields: {} });
 * if (verdict?.denial !== undefined) console.log(verdict.denial.status);
 * ```
 */
export function createGuard<Req, Handler = never, Source extends CheckSource<Req> = CheckSource<Req>>(
  checks: readonly Source[],
  options: GuardOptionsOf<Req, Handler>,
  port: HttpPort<Req>,
  middleware?: string,
): Guard<Req, Handler, DenialOf<Source> | UnavailableDenial>;
export function createGuard<Req, Handler, D extends Denial>(
  checks: readonly CheckSource<Req, D>[],
  options: GuardOptionsOf<Req, Handler>,
  port: HttpPort<Req>,
  middleware = "guard",
): Guard<Req, Handler, D | UnavailableDenial> {
  checkOptions(options, GUARD_RULES, middleware, GUARD_HINTS);
  if (!Array.isArray(checks) || checks.length === 0) {
    throw invalidOption("checks", checks, "be an array of checks, as in [limit(store)]");
  }
  const context = contextOf(options, port, middleware);
  const made = checks.map((check): Check<Req, D> => (typeof check === "function" ? check(context) : check));
  for (const check of made) {
    if (typeof check?.judge !== "function")
      throw invalidOption("checks", check, "contain only checks: objects with a name and a judge function");
  }
  const named = made.flatMap(({ requestProperty }) => (requestProperty === undefined ? [] : [requestProperty]));
  const properties = [...new Set(named)];
  const [only] = made;
  const alone = made.length === 1 && options.refundWhen === undefined ? only?.alone : undefined;
  const decide: Decide<Req, D | UnavailableDenial> = alone ?? pipeline(made, properties, options.refundWhen, context);
  const keyless = made.every((check) => check.keyless === true);
  return guardOf(options, context, middleware, keyless, decide, properties);
}

/** The context of the checks of a guard. */
export function contextOf<Req>(
  options: GuardOptionsOf<Req, unknown>,
  port: HttpPort<Req>,
  middleware: string,
): CheckContext<Req> {
  const { dryRun = false, name, key } = options;
  return { port, name, dryRun, hasKey: key !== undefined, warn: createWarn(middleware, name) };
}

/** The guard that decides the requests to check with one function. */
export function guardOf<Req, Handler, D extends Denial>(
  options: GuardOptionsOf<Req, Handler>,
  context: CheckContext<Req>,
  middleware: string,
  keyless: boolean,
  decide: Decide<Req, D>,
  properties: readonly string[],
): Guard<Req, Handler, D> {
  const check = identify(options, context, middleware, keyless, decide);
  return { check, handler: options.handler, properties };
}
