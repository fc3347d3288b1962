import { createLimiterCore, type LimiterCore } from "../limiter/decider.js";
import type { Limiter } from "../limiter/limiter.js";
import { joinOf, type Participant } from "../limiter/together.js";
import { after } from "../maybe-promise.js";
import { checkOptions } from "../options.js";
import type { Store } from "../store/store.js";
import { type Check, type CheckSource, PASS } from "./check.js";
import { type LimitDenial, limitAlone } from "./limit-alone.js";
import {
  checkStoreOrLimiter,
  LIMIT_HINTS,
  LIMIT_RULES,
  type LimitOptionsOf,
  type Policies,
  policiesAndOptions,
} from "./limit-options.js";
import type { Plan } from "./plans.js";

/** A limiter that can share an admission with others. */
type Joinable = Pick<Limiter, "join"> & Omit<LimiterCore, "join">;

/** A limiter's part in deciding a request. */
interface LimitJoining extends Participant {
  readonly plan: Plan;
}

/**
 * A check that limits requests, by policies on a store or by a limiter that other parts of the app use too.
 *
 * @throws SluiceError for any invalid option
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
export function limit<Req>(
  storeOrLimiter: Store | Limiter,
  options?: LimitOptionsOf<Req>,
): CheckSource<Req, LimitDenial>;
export function limit<Req>(
  store: Store,
  policies: Policies<Req>,
  options?: LimitOptionsOf<Req>,
): CheckSource<Req, LimitDenial>;
export function limit<Req>(
  storeOrLimiter: Store | Limiter,
  second?: Policies<Req> | LimitOptionsOf<Req>,
  third?: LimitOptionsOf<Req>,
): CheckSource<Req, LimitDenial> {
  const { policies, options } = policiesAndOptions(second, third);
  checkStoreOrLimiter(storeOrLimiter);
  checkOptions(options, LIMIT_RULES, "limit", LIMIT_HINTS);
  const open = limitAlone<Req, Joinable>(storeOrLimiter, policies, options, (limiterOptions, outage) => {
    const core = createLimiterCore(limiterOptions, outage);
    return { ...core, join: (key, asked) => joinOf(core, key, asked) };
  });

  return (context): Check<Req, LimitDenial, unknown, LimitJoining> => {
    const { requestProperty, alone, findPlan, findTwice, findCost, nowMs, settlerFor, deny } = open(context);
    return {
      name: "limit",
      requestProperty,
      alone,

      claims: ({ request, key }) =>
        after(findPlan(request), (plan) => {
          findTwice(request, plan.counts, key);
          return after(findCost(request), (asked) => ({ ...plan.limiter.join(key, asked), plan }));
        }),

      judge({ request }, { joining, decision }) {
        if (joining === undefined || decision === undefined) return PASS;
        const { plan } = joining;
        const fields = plan.write(decision, nowMs);
        if (decision.allowed) return { fields, found: decision, settle: settlerFor(request, plan, decision) };
        return { fields, found: decision, deny: () => deny(request, decision) };
      },
    };
  };
}
