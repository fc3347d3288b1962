import type { Decision } from "../../limiter/decision.js";
import { seconds } from "./numbers.js";

/** The whole seconds of the Retry-After field; `undefined` when waiting does not help, or nobody knows. */
export function retryAfterSeconds({ retryAfterMs }: Decision): number | undefined {
  // 0 would invite a request that is denied again.
  return retryAfterMs === undefined ? undefined : Math.max(1, seconds(retryAfterMs));
}
