import type { HeaderForm } from "./field.js";
import { seconds } from "./numbers.js";

/** What `X-RateLimit-Reset` says: a moment, in seconds since 1970, or the seconds to go until then. */
export type LegacyReset = "epoch" | "delta";

/** `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, which no specification describes. */
export function legacy(reset: LegacyReset): HeaderForm {
  return {
    policyField: () => undefined,

    stateFields: () => [
      ({ limit }) => ({ name: "X-RateLimit-Limit", value: String(limit), append: false }),
      ({ remaining }) => ({ name: "X-RateLimit-Remaining", value: String(remaining), append: false }),
      ({ resetAfterMs }, nowMs) => {
        const fromMs = reset === "epoch" ? nowMs() : 0;
        return { name: "X-RateLimit-Reset", value: String(seconds(fromMs + resetAfterMs)), append: false };
      },
    ],
  };
}
