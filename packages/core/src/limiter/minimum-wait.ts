import type { PolicyDecision } from "../decision.js";
import { isBuiltInPolicy, type Policy, type Quota } from "../policy/policy.js";

/*
 * How long a line of callers takes at least, so that a caller far back whose deadline can't be met hears of it at once. The
 * callers are granted in order, each with a cost; `costs` are those up to and including the one who asks.
 */

/** The cost to look at a policy with, so that {@link minimumWaitMs} can tell by the answer. */
export function costToLookWith(policy: Policy, { limit }: Quota, costs: readonly number[]): number {
  switch (policy.algorithm) {
    case "token-bucket":
      return Math.min(sum(costs), limit);
    case "sliding-log":
      return sum(costs) - wholeLimits(costs, limit) * limit;
    default:
      return costs[0] ?? 1;
  }
}

/** A lower bound of the time until the last of the callers is granted, by a look with {@link costToLookWith}. */
export function minimumWaitMs(look: PolicyDecision, costs: readonly number[]): number {
  const { policy, limit, windowMs, retryAfterMs: firstMs = 0 } = look;
  if (look.blocked || !isBuiltInPolicy(policy)) return firstMs;
  switch (policy.algorithm) {
    case "token-bucket":
      // A full bucket, and what has to come back beyond it, less the millisecond by which the first was rounded up.
      return firstMs + Math.max(0, Math.floor(((sum(costs) - limit) * policy.intervalMs) / policy.rate) - 1);
    case "sliding-log":
      // Each unit comes at least a window after the one that is a whole limit before it.
      return firstMs + wholeLimits(costs, limit) * windowMs;
    case "fixed-window":
      return fixedWindowsMs(look, costs);
    case "sliding-window":
      // The estimate falls no faster than a whole limit in a window; it was rounded by less than one unit.
      return Math.max(firstMs, Math.floor(((sum(costs) - look.remaining - 1) / limit) * windowMs) - 1);
  }
}

/** The callers in order, each in the first window that has room. */
function fixedWindowsMs(
  { remaining, limit, windowMs, resetAfterMs }: PolicyDecision,
  costs: readonly number[],
): number {
  let left = remaining;
  let startMs = 0;
  // Without use so far the window starts with the first grant.
  let endMs = resetAfterMs > 0 ? resetAfterMs : windowMs;
  for (const cost of costs) {
    if (cost > left) {
      startMs = endMs;
      endMs += windowMs;
      left = limit;
    }
    left -= cost;
  }
  return startMs;
}

/** How many whole limits the costs take before the last part. */
function wholeLimits(costs: readonly number[], limit: number): number {
  return Math.ceil(sum(costs) / limit) - 1;
}

function sum(costs: readonly number[]): number {
  return costs.reduce((total, cost) => total + cost, 0);
}
