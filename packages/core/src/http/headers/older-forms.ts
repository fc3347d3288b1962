import type { AdvertisedPolicy, HeaderField, HeaderForm } from "./field.js";
import { integer, seconds } from "./numbers.js";

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-07: `RateLimit: limit=100, remaining=50, reset=5`, for the policy
 * that binds, and `RateLimit-Policy: 100;w=60, 1000;w=3600`.
 */
export const draft7: HeaderForm = {
  policyField: policyList,

  stateFields: () => [
    {
      name: "RateLimit",
      append: false,
      write: ({ limit, remaining, resetAfterMs }) =>
        `limit=${integer(limit)}, remaining=${integer(remaining)}, reset=${seconds(resetAfterMs)}`,
    },
  ],
};

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-06: `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`
 * (remaining seconds), for the policy that binds, and `RateLimit-Policy: 100;w=60, 1000;w=3600`.
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
function policyList(policies: readonly AdvertisedPolicy[]): HeaderField {
  const value = policies.map(({ limit, windowMs }) => `${integer(limit)};w=${seconds(windowMs)}`).join(", ");
  return { name: "RateLimit-Policy", value, append: true };
}

/** `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, which have no specification. */
export function legacy(reset: "epoch" | "delta"): HeaderForm {
  return {
    policyField: () => undefined,

    stateFields: () => [
      { name: "X-RateLimit-Limit", append: false, write: ({ limit }) => String(limit) },
      { name: "X-RateLimit-Remaining", append: false, write: ({ remaining }) => String(remaining) },
      {
        name: "X-RateLimit-Reset",
        append: false,
        write: ({ resetAfterMs }, nowMs) => String(seconds((reset === "epoch" ? nowMs() : 0) + resetAfterMs)),
      },
    ],
  };
}
