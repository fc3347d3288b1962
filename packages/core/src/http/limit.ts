import type { LimiterKey } from "../limiter/claims.js";
import type { ConsumeOptions } from "../limiter/decider.js";
import type { Decision } from "../limiter/decision.js";
import type { Limiter } from "../limiter/limiter.js";
import type { Participant } from "../limiter/together.js";
import { after, type MaybePromise } from "../maybe-promise.js";
import { checkCost } from "../policy/policy.js";
import type { Store } from "../store/store.js";
import { type Answerer, answerer, type Denial, NO_STORE, QUOTA_EXCEEDED, REDUCED_CAPACITY } from "./answer.js";
import { type Check, type CheckContext, PASS, type Pass, type Refusal } from "./check.js";
import type { HeaderField } from "./headers/field.js";
import { retryAfterSeconds } from "./headers/retry-after.js";
import { checkLimitOptions, type LimitOptions, type Policies, policiesAndOptions } from "./limit-options.js";
import { type Plan, planSource } from "./plans.js";
import { refundAtEnd } from "./settle.js";
import { warnTwice } from "./shared-counts.js";
import { dryRunField, type Verdict } from "./verdict.js";

/** The answer over a limit: 429, or the option `statusCode`; 503 when the store did not answer. */
export type LimitDenial = Denial<"limited" | "unavailable", Decision>;

/** A limiter's part in the decision on a request, with how to report it. */
export interface LimitJoining extends Participant {
  readonly plan: Plan;
}

/** The check of a limiter. */
export interface LimitCheck<Req> extends Check<Req, LimitDenial, unknown, LimitJoining> {
  alone(request: Req, key: LimiterKey): MaybePromise<Verdict<LimitDenial>>;
}

/** A limit as a check of a guard. `rateLimit` is a guard that has this check only. */
export type LimitSource<Req> = (context: CheckContext<Req>) => LimitCheck<Req>;

/**
 * A check that limits requests: policies on a store, or a limiter that the app shares with other parts of it.
 *
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { tokenBucket } from "@sluice/core";
 * import { limit } from "@sluice/core/http";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const check = limit(memoryStore(), tokenBucket({ rate: 10 }), { cost: 2 });
 * ```
 */
export function limit<Req>(storeOrLimiter: Store | Limiter, options?: LimitOptions<Req>): LimitSource<Req>;
export function limit<Req>(store: Store, policies: Policies<Req>, options?: LimitOptions<Req>): LimitSource<Req>;
export function limit<Req>(
  storeOrLimiter: Store | Limiter,
  second?: Policies<Req> | LimitOptions<Req>,
  third?: LimitOptions<Req>,
): LimitSource<Req> {
  const { policies, options } = policiesAndOptions(second, third);
  return limitSource(storeOrLimiter, policies, options, "limit");
}

/** As {@link limit}. @param caller the function whose options these are */
export function limitSource<Req>(
  storeOrLimiter: Store | Limiter,
  policies: Policies<Req> | undefined,
  options: LimitOptions<Req>,
  caller: string,
): LimitSource<Req> {
  checkLimitOptions(storeOrLimiter, policies, options, caller);
  const { cost = 1, clock, refundWhen, requestProperty = "rateLimit" } = options;
  const openPlans = planSource(storeOrLimiter, policies, options);
  const findCost = costSource(cost);
  const answers = answerer(options, QUOTA_EXCEEDED);
  const nowMs = clock === undefined ? () => Date.now() : () => clock.nowMs();

  return ({ dryRun, name, warn }) => {
    const findPlan = openPlans(warn);
    const findTwice = warnTwice(warn);
    const settlerOf =
      refundWhen &&
      refundAtEnd(refundWhen, warn, {
        option: "refundWhen",
        code: "REFUND_FAILED",
        effect: "a request was not refunded",
      });

    function settlerFor(request: Req, { limiter }: Plan, decision: Decision) {
      return settlerOf?.(request, () => limiter.refund(decision));
    }

    function deny(request: Req, decision: Decision): MaybePromise<LimitDenial> {
      return limitDenial(answers, request, decision, name);
    }

    function appraise(plan: Plan, request: Req, key: LimiterKey): MaybePromise<Verdict<LimitDenial>> {
      findTwice(request, plan.counts, key);
      return after(findCost(request), decide, request, plan, key);
    }

    function decide(
      asked: ConsumeOptions | undefined,
      request: Req,
      plan: Plan,
      key: LimiterKey,
    ): MaybePromise<Verdict<LimitDenial>> {
      return after(plan.limiter.decide(key, asked), verdictOf, request, plan);
    }

    function verdictOf(decision: Decision, request: Req, plan: Plan): MaybePromise<Verdict<LimitDenial>> {
      const fields = plan.write(decision, nowMs);
      if (decision.allowed || dryRun !== false) {
        const settle = decision.allowed && settlerOf !== undefined ? settlerFor(request, plan, decision) : undefined;
        const marked = dryRun === "marked" ? [...fields, dryRunField(decision.allowed)] : fields;
        return { found: decision, others: undefined, fields: marked, denial: undefined, settle };
      }
      return after(deny(request, decision), (denial) => ({
        found: decision,
        others: undefined,
        fields: [...fields, ...denial.fields],
        denial,
        settle: undefined,
      }));
    }

    return {
      name: "limit",
      requestProperty,

      alone: (request, key) => after(findPlan(request), appraise, request, key),

      claims({ request, key }) {
        return after(findPlan(request), (plan) => {
          findTwice(request, plan.counts, key);
          return after(findCost(request), (asked) => ({ ...plan.limiter.join(key, asked), plan }));
        });
      },

      judge({ request }, { joining, decision }): Pass | Refusal<LimitDenial> {
        if (joining === undefined || decision === undefined) return PASS;
        const { plan } = joining;
        const fields = plan.write(decision, nowMs);
        if (decision.allowed) return { fields, found: decision, settle: settlerFor(request, plan, decision) };
        return { fields, found: decision, deny: () => deny(request, decision) };
      },
    };
  };
}

function costSource<Req>(
  cost: Exclude<LimitOptions<Req>["cost"], undefined>,
): (request: Req) => MaybePromise<ConsumeOptions | undefined> {
  if (typeof cost === "function") {
    return (request) => after(cost(request), (units) => ({ cost: checkCost(units) }));
  }
  const asked = cost === 1 ? undefined : { cost: checkCost(cost) };
  return () => asked;
}

function limitDenial<Req>(
  answers: Answerer<Req, Decision>,
  request: Req,
  found: Decision,
  name: string | undefined,
): MaybePromise<LimitDenial> {
  const failed = found.source === "failClosed";
  const retryAfter = retryAfterSeconds(found);
  const fields: readonly HeaderField[] =
    retryAfter === undefined
      ? [NO_STORE]
      : [{ name: "Retry-After", value: String(retryAfter), append: false }, NO_STORE];
  // Who reached the limit is not in the document: the key may be a secret.
  const problem = failed
    ? REDUCED_CAPACITY
    : { "violated-policies": found.violated, ...(retryAfter !== undefined && { retryAfter }) };
  const reason = failed ? "unavailable" : "limited";
  const status = failed ? 503 : answers.status;
  return after(answers.body(request, found, problem, failed), (content) => {
    return { reason, found, status, ...content, fields, name };
  });
}
