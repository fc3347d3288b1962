import type { Decision, PolicyDecision } from "../../decision.js";
import type { Policy, TokenBucketPolicy } from "../../policy/policy.js";
import type { AdvertisedPolicy, HeaderForm, WriteField } from "./field.js";
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
    const parts = policies.map(({ policy, partitionKey }, i) => ({
      policy,
      head: `${i === 0 ? "" : ", "}${string(policy.name)};r=`,
      tail: pk(partitionKey),
    }));
    const write: WriteField = (decision) => {
      let value = "";
      for (let i = 0; i < parts.length; i++) {
        const { policy, head, tail } = parts[i] as (typeof parts)[number];
        // The decision says the same of an only policy, without making the list.
        const one = parts.length === 1 ? decision : (decision.policies[i] as PolicyDecision);
        value += `${head}${integer(one.remaining)};t=${effectiveWindow(policy, one)}${tail}`;
      }
      return { name: "RateLimit", value, append: true };
    };
    return [write];
  },
};

/** A String: names are printable ASCII, of which only these two are escaped. */
function string(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function pk(partitionKey: AdvertisedPolicy["partitionKey"]): string {
  return partitionKey === undefined ? "" : `;pk=:${partitionKey}:`;
}

/**
 * The seconds over which a client may spread what remains. After a denial that is the time until the request fits, so
 * that Retry-After never names an earlier moment than `t`. A bucket gives back what remains at its rate; where nothing
 * remains, the next whole token is what to wait for. A window gives all back when it has passed.
 */
function effectiveWindow(policy: Policy, found: Decision | PolicyDecision): number {
  const { allowed, remaining, limit, retryAfterMs, resetAfterMs } = found;
  if (!allowed && retryAfterMs !== undefined) return seconds(retryAfterMs);
  if (policy.algorithm !== "token-bucket") return seconds(resetAfterMs);
  const { rate, intervalMs } = policy as TokenBucketPolicy;
  if (remaining > 0) return seconds((remaining * intervalMs) / rate);
  return seconds(resetAfterMs - ((limit - 1) * intervalMs) / rate);
}
