import type { AdvertisedPolicy, HeaderField, HeaderForm } from "./field.js";
import { integer, seconds } from "./numbers.js";

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-06: `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`
 * (seconds to go), for the policy that binds, and `RateLimit-Policy: 100;w=60, 1000;w=3600`.
 */
export const draft6: HeaderForm = {
  policyField: policyList,

  stateFields: () => [
    ({ limit }) => ({ name: "RateLimit-Limit", value: String(integer(limit)), append: false }),
    ({ remaining }) => ({ name: "RateLimit-Remaining", value: String(integer(remaining)), append: false }),
    ({ resetAfterMs }) => ({ name: "RateLimit-Reset", value: String(seconds(resetAfterMs)), append: false }),
  ],
};

/** The RateLimit-Policy field up to draft 7, in which policies have no names. */
export function policyList(policies: readonly AdvertisedPolicy[]): HeaderField {
  const value = policies.map(({ limit, windowMs }) => `${integer(limit)};w=${seconds(windowMs)}`).join(", ");
  return { name: "RateLimit-Policy", value, append: true };
}
