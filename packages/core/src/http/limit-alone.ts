import { checkCost } from "../algorithm/policy.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { ConsumeOptions, Decider } from "../limiter/decider.js";
import type { Decision } from "../limiter/decision.js";
import type { Limiter } from "../limiter/limiter.js";
import type { LimiterOptions } from "../limiter/options.js";
import type { Outage } from "../limiter/outage.js";
import { after, type MaybePromise } from "../maybe-promise.js";
import type { Store } from "../store/store.js";
import {
  answerer,
  type Denial,
  dryRunField,
  NO_STORE,
  QUOTA_EXCEEDED,
  REDUCED_CAPACITY,
  type Verdict,
} from "./answer.js";
import type { CheckContext } from "./check.js";
import type { HeaderField } from "./headers/field.js";
import { retryAfterSeconds } from "./headers/numbers.js";
import { checkLimit, type LimitOptionsOf, type Policies } from "./limit-options.js";
import { type Plan, planSource } from "./plans.js";
import { refundAtEnd, type Settle } from "./settle.js";
import { warnTwice } from "./shared-counts.js";

/** The answer to a denied request: 429 or the option `statusCode`, or 503 if the store did not answer. */
export type LimitDenial = Denial<"limited" | "unavailable", Decision>;

/** A limit in a guard, and the rest of its check. */
export interface LimitAlone<Req, L extends Decider> {
  readonly requestProperty: string;
  /** Decides a request in a guard without other checks. Creates no closure or promise if the store answers without one. */
  alone(request: Req, key: LimiterKey): MaybePromise<Verdict<LimitDenial>>;
  findPlan(request: Req): MaybePromise<Plan<L>>;
  /** Warns about a request that is charged twice. */
  findTwice(request: Req, counts: object, key: LimiterKey): void;
  findCost(request: Req): MaybePromise<ConsumeOptions | undefined>;
  nowMs(): number;
  settlerFor(request: Req, plan: Plan, decision: Decision): Settle | undefined;
  deny(request: Req, decision: Decision): MaybePromise<LimitDenial>;
}

/**
 * Creates the limit of a guard that has no other check. Code that `rateLimit` does not need is in `limit`, to keep bundles
 * small.
 *
 * @param options already checked by `LIMIT_RULES`
 * @param create creates a limiter on a store
 */
export function limitAlone<Req, L extends Decider & { readonly outage: Outage }>(
  storeOrLimiter: Store | Limiter,
  policies: Policies<Req> | undefined,
  options: LimitOptionsOf<Req>,
  create: (options: LimiterOptions, outage?: Outage) => L,
): (context: CheckContext<Req>) => LimitAlone<Req, L | Limiter> {
  checkLimit(storeOrLimiter, policies, options);
  const { cost = 1, clock, refundWhen, requestProperty = "rateLimit" } = options;
  const openPlans = planSource(storeOrLimiter, policies, options, create);
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

    function settlerFor(request: Req, { limiter }: Plan, decision: Decision): Settle | undefined {
      return settlerOf?.(request, () => limiter.refund(decision));
    }

    function deny(request: Req, found: Decision): MaybePromise<LimitDenial> {
      const failed = found.source === "failClosed";
      const retryAfter = retryAfterSeconds(found);
      const wait = retryAfter === undefined ? [] : [{ name: "Retry-After", value: String(retryAfter), append: false }];
      // The document does not contain the key, because it may be a secret.
      const problem = failed
        ? REDUCED_CAPACITY
        : { "violated-policies": found.violated, ...(retryAfter !== undefined && { retryAfter }) };
      return after(answers.body(request, found, problem, failed), (content) => ({
        reason: failed ? "unavailable" : "limited",
        found,
        status: failed ? 503 : answers.status,
        ...content,
        fields: [...wait, NO_STORE],
        name,
      }));
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
      return after(deny(request, decision), denied, decision, fields);
    }

    return {
      requestProperty,
      alone: (request, key) => after(findPlan(request), appraise, request, key),
      findPlan,
      findTwice,
      findCost,
      nowMs,
      settlerFor,
      deny,
    };
  };
}

/** A separate function, because a closure would slow down every allowed request. */
function denied(denial: LimitDenial, found: Decision, fields: readonly HeaderField[]): Verdict<LimitDenial> {
  return { found, others: undefined, fields: [...fields, ...denial.fields], denial, settle: undefined };
}

function costSource<Req>(
  cost: Exclude<LimitOptionsOf<Req>["cost"], undefined>,
): (request: Req) => MaybePromise<ConsumeOptions | undefined> {
  if (typeof cost === "function") {
    return (request) => after(cost(request), (units) => ({ cost: checkCost(units) }));
  }
  const asked = cost === 1 ? undefined : { cost: checkCost(cost) };
  return () => asked;
}
