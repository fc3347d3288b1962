import type { HeaderForm } from "./field.js";
import { seconds } from "./numbers.js";

/** The meaning of `X-RateLimit-Reset`: a moment, in seconds since 1970, or the seconds until then. */
export type LegacyReset = "epoch" | "delta";

/** `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, which no specification describes. */
export function legacy(reset: LegacyReset): HeaderForm {
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
