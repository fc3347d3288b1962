import { policyList } from "./draft-6.js";
import type { HeaderForm } from "./field.js";
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
