import type { PolicyDecision } from "../decision.js";
import { isBuiltInPolicy } from "../policy/policy.js";

/**
 * A lower bound of the time until `total` units, which may be more than the limit, have been granted one after the other:
 * what the first limit's worth takes, by `look` (a look with a cost of at most the limit), and what the rest adds.
 */
export function minimumWaitMs(look: PolicyDecision, total: number): number {
  const firstMs = look.retryAfterMs ?? 0;
  const rest = total - look.limit;
  return rest <= 0 ? firstMs : firstMs + restMs(look, rest);
}

function restMs({ policy, limit, windowMs }: PolicyDecision, rest: number): number {
  if (!isBuiltInPolicy(policy)) return 0;
  switch (policy.algorithm) {
    case "token-bucket":
      // Less the millisecond by which the first part may have been rounded up.
      return Math.max(0, Math.floor((rest * policy.intervalMs) / policy.rate) - 1);
    case "sliding-window":
      // Only whole limits: the estimate lets a part of the next one in before a full window has passed.
      return Math.floor(rest / limit) * windowMs;
    default:
      return Math.ceil(rest / limit) * windowMs;
  }
}
