import { createLimiterCore, type LimiterCore } from "../limiter/decider.js";
import type { Limiter } from "../limiter/limiter.js";
import { joinOf, type Participant } from "../limiter/together.js";
import { after } from "../maybe-promise.js";
import type { Store } from "../store/store.js";
import { rejectUnknown } from "../unknown-option.js";
import { type Check, type CheckContext, PASS, type Pass, type Refusal } from "./check.js";
import { type LimitDenial, limitAlone } from "./limit-alone.js";
import {
  LIMIT_OPTIONS,
  type LimitOptionsOf,
  type Policies,
  policiesAndOptions,
  rejectPolicies,
} from "./limit-options.js";
import type { Plan } from "./plans.js";

/** A limiter that can share an admission. */
type Joinable = Pick<Limiter, "join"> & Omit<LimiterCore, "join">;

/** A limiter's part in the decision on a request. */
export interface LimitJoining extends Participant {
  readonly plan: Plan;
}

/** The check of a limiter. */
export interface LimitCheck<Req> extends Check<Req, LimitDenial, unknown, LimitJoining> {}

/** A limit as a check of a guard. */
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
export function limit<Req>(storeOrLimiter: Store | Limiter, options?: LimitOptionsOf<Req>): LimitSource<Req>;
export function limit<Req>(store: Store, policies: Policies<Req>, options?: LimitOptionsOf<Req>): LimitSource<Req>;
export function limit<Req>(
  storeOrLimiter: Store | Limiter,
  second?: Policies<Req> | LimitOptionsOf<Req>,
  third?: LimitOptionsOf<Req>,
): LimitSource<Req> {
  const { policies, options } = policiesAndOptions(second, third);
  rejectPolicies(options, "limit");
  rejectUnknown(options, LIMIT_OPTIONS, "limit");
  const open = limitAlone<Req, Joinable>(storeOrLimiter, policies, options, (limiterOptions) => {
    const core = createLimiterCore(limiterOptions);
    return { ...core, join: (key, asked) => joinOf(core, key, asked) };
  });

  return (context) => {
    const { alone, requestProperty, find, write, settlerFor, deny } = open(context);
    return {
      name: "limit",
      requestProperty,
      alone,

      claims: ({ request, key }) =>
        after(find(request, key), ({ plan, asked }) => ({ ...plan.limiter.join(key, asked), plan })),

      judge({ request }, { joining, decision }): Pass | Refusal<LimitDenial> {
        if (joining === undefined || decision === undefined) return PASS;
        const { plan } = joining;
        const fields = write(plan, decision);
        if (decision.allowed) return { fields, found: decision, settle: settlerFor(request, plan, decision) };
        return { fields, found: decision, deny: () => deny(request, decision) };
      },
    };
  };
}
