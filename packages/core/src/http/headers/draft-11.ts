import { broughtBy } from "../../algorithm/brought.js";
import type { BuiltInAlgorithm } from "../../algorithm/built-in-algorithm.js";
import type { Policy } from "../../algorithm/policy.js";
import type { Decision, PolicyDecision } from "../../limiter/decision.js";
import type { AdvertisedPolicy, HeaderForm, StateField } from "./field.js";
import { integer, seconds } from "./numbers.js";

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-11, the same since -08:
 * `RateLimit-Policy: "burst";q=100;w=60` and `RateLimit: "burst";r=50;t=30`, as Structured Fields (RFC 9651).
 */
export const draft11: HeaderForm = {
  policyField: (policies) => ({
    name: "RateLimit-Policy",
    value: policies
      .map(({ policy, limit, windowMs, unit, partitionKey }) => {
        const qu = unit === undefined ? "" : `;qu=${string(unit)}`;
        return `${string(policy.name)};q=${integer(limit)}${qu};w=${seconds(windowMs)}${pk(partitionKey)}`;
      })
      .join(", "),
    append: true,
  }),

  stateFields(policies) {
    const parts = policies.map(({ policy, partitionKey }) => ({
      policy,
      algorithm: broughtBy(policy) as BuiltInAlgorithm | undefined,
      head: `${string(policy.name)};r=`,
      tail: pk(partitionKey),
    }));
    const write = parts.length === 1 ? onlyState(parts[0] as PolicyParts) : allStates(parts);
    return [{ name: "RateLimit", append: true, write }];
  },
};

/** A policy with the constant text around its numbers. */
interface PolicyParts {
  readonly policy: Policy;
  readonly algorithm: BuiltInAlgorithm | undefined;
  readonly head: string;
  readonly tail: string;
}

/** How many recent values are kept (a power of two). Most requests have the same numbers as an earlier one. */
const REMEMBERED = 64;

/**
 * Writes the state of a single policy. The decision has its numbers, so no list of policies is created. Reuses recent
 * values.
 */
function onlyState(parts: PolicyParts): StateField["write"] {
  const { head, tail } = parts;
  const latest = new Array<{ remaining: number; window: number; value: string } | undefined>(REMEMBERED);
  return (decision) => {
    const remaining = integer(decision.remaining);
    const window = effectiveWindow(parts, decision);
    const place = (remaining ^ window) & (REMEMBERED - 1);
    const known = latest[place];
    if (known?.remaining === remaining && known.window === window) return known.value;
    const value = `${head}${remaining};t=${window}${tail}`;
    latest[place] = { remaining, window, value };
    return value;
  };
}

function allStates(parts: readonly PolicyParts[]): StateField["write"] {
  return (decision) =>
    parts
      .map((part, i) => {
        const one = decision.policies[i] as PolicyDecision;
        return `${part.head}${integer(one.remaining)};t=${effectiveWindow(part, one)}${part.tail}`;
      })
      .join(", ");
}

/** A String. Names are printable ASCII, in which only these two characters have to be escaped. */
function string(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function pk(partitionKey: AdvertisedPolicy["partitionKey"]): string {
  return partitionKey === undefined ? "" : `;pk=:${partitionKey}:`;
}

/**
 * The seconds over which a client may spread the rest of its quota. After a denial this is the time until the request fits,
 * so that Retry-After is never earlier than `t`. Otherwise the algorithm supplies it. Default: the time until the reset.
 */
function effectiveWindow({ policy, algorithm }: PolicyParts, found: Decision | PolicyDecision): number {
  if (!found.allowed && found.retryAfterMs !== undefined) return seconds(found.retryAfterMs);
  return seconds(algorithm?.spreadMs?.(policy, found) ?? found.resetAfterMs);
}
