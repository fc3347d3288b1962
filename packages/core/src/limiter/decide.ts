import type { Decision, PolicyDecision } from "../decision.js";
import type { Quota } from "../policy/policy.js";
import type { Claim, ClaimFinding, Outcome } from "../store/store.js";

/** What a granted decision remembers for its refund. Not enumerable as JSON: a symbol. */
export const CHARGE: unique symbol = Symbol("sluice.charge");

/** A decision's charge. */
export interface Charge {
  readonly claims: readonly Claim[];
  readonly findings: readonly ClaimFinding[];
  /** Whether it was given back already. */
  refunded: boolean;
}

/** A decision as the limiter makes it. */
export interface ChargedDecision extends Decision {
  readonly [CHARGE]: Charge | undefined;
}

const NONE: readonly string[] = Object.freeze([]);

/** Makes a decision of what the store answered. */
export function decisionOf(
  claims: readonly Claim[],
  outcome: Outcome,
  quotas: readonly Quota[],
  charge: boolean,
): Decision {
  const { findings, allowed } = outcome;
  const policies: PolicyDecision[] = [];
  for (let i = 0; i < claims.length; i++) {
    const { policy } = claims[i] as Claim;
    const { limit, windowMs } = quotas[i] as Quota;
    const found = findings[i] as ClaimFinding;
    policies.push({
      policy,
      allowed: found.allowed,
      limit,
      windowMs,
      remaining: found.remaining,
      retryAfterMs: found.retryAfterMs,
      resetAfterMs: found.resetAfterMs,
      blocked: found.blocked,
    });
  }
  const binding = bindingOf(policies);
  const decision: ChargedDecision = {
    allowed,
    cost: (claims[0] as Claim).cost,
    limit: binding.limit,
    remaining: binding.remaining,
    retryAfterMs: binding.retryAfterMs,
    resetAfterMs: binding.resetAfterMs,
    policies,
    violated: allowed ? NONE : policies.filter((one) => !one.allowed).map((one) => one.policy.name),
    source: "store",
    [CHARGE]: allowed && charge ? { claims, findings, refunded: false } : undefined,
  };
  return decision;
}

/**
 * The policy that decides for the client: on a denial the violated one that takes longest to allow the cost, otherwise the
 * one with least left; of equals the one that takes longer to reset.
 */
export function bindingOf(policies: readonly PolicyDecision[]): PolicyDecision {
  let binding = policies[0] as PolicyDecision;
  for (let i = 1; i < policies.length; i++) {
    const other = policies[i] as PolicyDecision;
    if (binds(other, binding)) binding = other;
  }
  return binding;
}

function binds(a: PolicyDecision, b: PolicyDecision): boolean {
  if (a.allowed !== b.allowed) return !a.allowed;
  const [waitA, waitB] = [a.retryAfterMs ?? Number.POSITIVE_INFINITY, b.retryAfterMs ?? Number.POSITIVE_INFINITY];
  if (waitA !== waitB) return waitA > waitB;
  if (a.remaining !== b.remaining) return a.remaining < b.remaining;
  return a.resetAfterMs > b.resetAfterMs;
}

/** The decision when the store did not answer. */
export function decisionWithoutStore(cost: number, quota: Quota, failOpen: boolean, error: unknown): Decision {
  return {
    allowed: failOpen,
    cost,
    limit: quota.limit,
    remaining: 0,
    retryAfterMs: failOpen ? 0 : undefined,
    resetAfterMs: 0,
    policies: [],
    violated: NONE,
    source: failOpen ? "failOpen" : "failClosed",
    error,
  };
}
