import type { Decision, PolicyDecision } from "../../src/index.js";

/**
 * Returns the decision for the findings of some policies. The policy with the lowest remaining quota binds, and among
 * equals the one with the longest reset.
 */
export function decisionOn(policies: readonly PolicyDecision[], cost = 1): Decision {
  const allowed = policies.every((policy) => policy.allowed);
  const candidates = policies.filter((policy) => policy.allowed === allowed);
  const [binding] = candidates.toSorted((a, b) => a.remaining - b.remaining || b.resetAfterMs - a.resetAfterMs);
  if (binding === undefined) throw new Error("a decision is on one policy or more");
  const waits = policies.filter((policy) => !policy.allowed).map(({ retryAfterMs }) => retryAfterMs);
  return {
    allowed,
    cost,
    limit: binding.limit,
    remaining: binding.remaining,
    resetAfterMs: binding.resetAfterMs,
    retryAfterMs: allowed ? 0 : waits.reduce((a, b) => a && b && Math.max(a, b)),
    policies,
    violated: policies.filter((policy) => !policy.allowed).map(({ policy }) => policy.name),
    source: "store",
  };
}
