import { checkCost } from "../algorithm/policy.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { ConsumeOptions } from "../limiter/decider.js";
import type { Decision } from "../limiter/decision.js";
import type { Limiter } from "../limiter/limiter.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import type { Store } from "../store/store.js";
import { createDiagnostics } from "./diagnostics.js";
import { firstRequests } from "./first-requests.js";
import { isPreflight, isSkipped } from "./gate.js";
import type { HeaderField } from "./headers/field.js";
import { keySource, UNLIMITED } from "./key-source.js";
import { findMadeInHandler } from "./made-in-handler.js";
import { checkGuardOptions, type GuardOptions } from "./options.js";
import { type Plan, planSource } from "./plans.js";
import type { HttpPort } from "./port.js";
import { type Settle, settler } from "./refund.js";
import { type Answer, type Rejection, rejecter } from "./rejection.js";
import { dryRunField, rejectionFields } from "./verdict-fields.js";

/**
 * What is to become of a request.
 *
 * @typeParam Found what was found out about it
 * @typeParam A what is answered instead of going on
 */
export interface Verdict<Found = Decision, A extends Answer = Rejection> {
  readonly decision: Found;
  /** For the response, whatever it will be: set or append each before anything else can end the response. */
  readonly fields: readonly HeaderField[];
  /** What to answer instead of going on. */
  readonly rejection: A | undefined;
  /** To be called when the response is over; `undefined` when nobody wants to know. */
  readonly settle: Settle | undefined;
}

/** Middleware without a framework. */
export interface Guard<Req, Handler, Found = Decision, A extends Answer = Rejection> {
  /**
   * Decides a request and charges it; at once when store and options do. `undefined`: it is not limited. Throws or
   * rejects when a function among the options throws or returns what it may not, and without a usable client address:
   * the framework's error handling has to answer then.
   */
  check(request: Req): MaybePromise<Verdict<Found, A> | undefined>;
  /** Answers a rejected request in place of the answer. */
  readonly handler: Handler | undefined;
  /** Where the app finds the decision on the request. */
  readonly requestProperty: string;
}

/**
 * Makes the guard of a store or limiter: everything of a middleware but the framework. For those who write an adapter.
 *
 * @param middleware the function that creates the middleware, for warnings
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { createGuard } from "@sluice/core/http";
 * import { tokenBucket } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * interface Call {
 *   readonly verb: string;
 *   readonly from: string;
 *   readonly fields: Readonly<Record<string, string>>;
 * }
 *
 * const guard = createGuard<Call, never>(memoryStore(), { policies: tokenBucket({ rate: 10 }) }, {
 *   method: (call) => call.verb,
 *   header: (call, name) => call.fields[name],
 *   address: (call) => call.from,
 * });
 * const verdict = await guard.check({ verb: "GET", from: "192.0.2.1", fields: {} });
 * if (verdict?.rejection !== undefined) console.log(verdict.rejection.status);
 * ```
 */
export function createGuard<Req, Handler>(
  storeOrLimiter: Store | Limiter,
  options: GuardOptions<Req, Handler>,
  port: HttpPort<Req>,
  middleware = "rateLimit",
): Guard<Req, Handler> {
  checkGuardOptions(storeOrLimiter, options);
  const { skip, cost = 1, chargePreflight = false, handler, requestProperty = "rateLimit", clock } = options;
  const { refundWhen, dryRun = false } = options;
  const diagnostics = createDiagnostics(middleware, options.name);
  const countUse = findMadeInHandler(port.handlerFrame);
  const findPlan = planSource(storeOrLimiter, options, diagnostics);
  const findKey = keySource(options, port, diagnostics);
  const look = firstRequests(port, diagnostics, options.key === undefined);
  const settlerOf = refundWhen && settler(refundWhen, diagnostics);
  const findCost = costSource(cost);
  const reject = rejecter(options);
  const nowMs = clock === undefined ? () => Date.now() : () => clock.nowMs();

  function admit(request: Req): MaybePromise<Verdict | undefined> {
    return after(findPlan(request), identify, request);
  }

  function identify(plan: Plan, request: Req): MaybePromise<Verdict | undefined> {
    return after(findKey(request), appraise, request, plan);
  }

  function appraise(key: LimiterKey | typeof UNLIMITED, request: Req, plan: Plan): MaybePromise<Verdict | undefined> {
    if (key === UNLIMITED) return undefined;
    look(request, plan.counts, key);
    return after(findCost(request), decide, request, plan, key);
  }

  function decide(asked: ConsumeOptions | undefined, request: Req, plan: Plan, key: LimiterKey): MaybePromise<Verdict> {
    return after(plan.limiter.decide(key, asked), judge, request, plan);
  }

  function judge(decision: Decision, request: Req, plan: Plan): MaybePromise<Verdict> {
    const fields = plan.write(decision, nowMs);
    if (decision.allowed || dryRun !== false) {
      const settle = decision.allowed ? settlerOf?.(request, plan.limiter, decision) : undefined;
      const marked = dryRun === true ? [...fields, dryRunField(decision)] : fields;
      return { decision, fields: marked, rejection: undefined, settle };
    }
    return after(reject(request, decision), (rejection) => ({
      decision,
      fields: [...fields, ...rejectionFields(decision)],
      rejection,
      settle: undefined,
    }));
  }

  return {
    check(request) {
      countUse();
      if (!chargePreflight && isPreflight(request, port)) return undefined;
      if (skip === undefined) return admit(request);
      return after(skip(request), (skipped) => (isSkipped(skipped) ? undefined : admit(request)));
    },
    handler,
    requestProperty,
  };
}

function costSource<Req>(cost: GuardOptions<Req>["cost"]): (request: Req) => MaybePromise<ConsumeOptions | undefined> {
  if (typeof cost === "function") {
    return (request) => after(cost(request), (units) => ({ cost: checkCost(units) }));
  }
  const asked = cost === undefined || cost === 1 ? undefined : { cost: checkCost(cost) };
  return () => asked;
}
