import { createLimiterCore } from "../limiter/decider.js";
import type { Limiter } from "../limiter/limiter.js";
import { checkOptions } from "../options.js";
import type { Store } from "../store/store.js";
import { contextOf, GUARD_RULES, type Guard, type GuardOptionsOf, guardOf } from "./guard.js";
import { type LimitDenial, limitAlone } from "./limit-alone.js";
import { checkStoreOrLimiter, LIMIT_HINTS, LIMIT_RULES, type LimitOptionsOf, type Policies } from "./limit-options.js";
import type { HttpPort } from "./port.js";

/**
 * Options of `rateLimit`, in every framework: those of a limit and of a guard.
 *
 * @typeParam Req the argument of the functions: the framework's request, or its context
 * @typeParam Handler the function that answers denied requests, in the framework's own form
 */
export interface RateLimitOptionsOf<Req, Handler = never> extends LimitOptionsOf<Req>, GuardOptionsOf<Req, Handler> {
  /**
   * Decides whether the cost of a request is refunded. Called when the response has ended, but not if the request was
   * denied or the client left early. A cost is refunded at most once.
   */
  refundWhen?: GuardOptionsOf<Req>["refundWhen"];
}

/**
 * Creates the guard of `rateLimit`, which contains one limit and no other code, to keep bundles small.
 *
 * @throws SluiceError for any invalid option
 */
export function createRateLimit<Req, Handler>(
  storeOrLimiter: Store | Limiter,
  policies: Policies<Req> | undefined,
  options: RateLimitOptionsOf<Req, Handler>,
  port: HttpPort<Req>,
): Guard<Req, Handler, LimitDenial> {
  const caller = "rateLimit";
  checkStoreOrLimiter(storeOrLimiter);
  checkOptions(options, { ...LIMIT_RULES, ...GUARD_RULES }, caller, LIMIT_HINTS);
  const context = contextOf(options, port, caller);
  const { alone, requestProperty } = limitAlone(storeOrLimiter, policies, options, createLimiterCore)(context);
  return guardOf(options, context, caller, false, alone, [requestProperty]);
}
