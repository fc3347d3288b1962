import type { Decision, Limiter, LimiterKey } from "@sluice/core";
import { after, decideJointly, type JointDecision, refundJointly } from "@sluice/core/http";
import { type Claim, scopeOf } from "@sluice/core/store";
import { type Debouncer, debounceKey, type Sighting } from "../debounce.js";

/** Whom the limits are for, and which request it is to the debouncer. */
export interface JointKey {
  readonly limits: LimiterKey;
  /** The client of the request, and what it is; `undefined` when it is never a duplicate. */
  readonly request: readonly [client: string, fingerprint: string] | undefined;
}

/** A limiter and a debouncer as one limiter. Its keys are {@link JointKey}. */
export interface JointLimiter {
  readonly limiter: Limiter;
  /** What a decision was that denies a duplicate; `undefined` for all others. */
  duplicateOf(decision: Decision): Sighting | undefined;
}

/**
 * Makes one limiter of two, for guards: a request is charged by both or by neither, in one admission. So a duplicate is
 * not charged to the limits, and what a limit denies opens no window. A refund gives both back.
 */
export function jointLimiter(limiter: Limiter, debouncer: Debouncer): JointLimiter {
  const scope = scopeOf(debouncer.prefix, debouncer.policy);
  const duplicates = new WeakMap<Decision, Sighting>();
  const charged = new WeakMap<Decision, { readonly joint: JointDecision; readonly claim: Claim }>();

  function told(joint: JointDecision, claim: Claim): Decision {
    const { decision, other } = joint;
    if (other === undefined || other.allowed) {
      charged.set(decision, { joint, claim });
      return decision;
    }
    const { cost, limit, remaining, resetAfterMs, policies, violated, source } = decision;
    // Whoever comes later is no duplicate any more, but must not do the same work twice because of a field.
    const denial = { cost, limit, remaining, resetAfterMs, policies, violated, source, retryAfterMs: undefined };
    const duplicate: Decision = { ...denial, allowed: false };
    duplicates.set(duplicate, { duplicate: true, windowEndsInMs: other.resetAfterMs });
    return duplicate;
  }

  return {
    limiter: {
      ...limiter,
      decide(key, options) {
        const { limits, request } = key as unknown as JointKey;
        if (request === undefined) return limiter.decide(limits, options);
        const claim = { scope, key: debounceKey(...request), policy: debouncer.policy, cost: 1 };
        return after(decideJointly(limiter, limits, options, claim), told, claim);
      },
      async refund(decision) {
        const both = charged.get(decision);
        charged.delete(decision);
        return both === undefined ? limiter.refund(decision) : refundJointly(limiter, both.joint, both.claim);
      },
    },
    duplicateOf: (decision) => duplicates.get(decision),
  };
}
