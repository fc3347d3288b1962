import type { AdvertisedPolicy, HeaderField, HeaderForm } from "./field.js";
import { integer, seconds } from "./numbers.js";

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-06: `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`
 * (seconds to go), for the policy that binds, and `RateLimit-Policy: 100;w=60, 1000;w=3600`.
 */
export const draft6: HeaderForm = {
  policyField: policyList,

  stateFields: () => [
    { name: "RateLimit-Limit", append: false, write: ({ limit }) => String(integer(limit)) },
    { name: "RateLimit-Remaining", append: false, write: ({ remaining }) => String(integer(remaining)) },
    { name: "RateLimit-Reset", append: false, write: ({ resetAfterMs }) => String(seconds(resetAfterMs)) },
  ],
};

/** The RateLimit-Policy field up to draft 7, in which policies have no names. */
export function policyList(policies: readonly AdvertisedPolicy[]): HeaderField {
  const value = policies.map(({ limit, windowMs }) => `${integer(limit)};w=${seconds(windowMs)}`).join(", ");
  return { name: "RateLimit-Policy", value, append: true };
}
