import type { Decision } from "../../limiter/decision.js";
import { seconds } from "./numbers.js";

/** The whole seconds of the Retry-After field; `undefined` if waiting does not help, or the time is unknown. */
export function retryAfterSeconds({ retryAfterMs }: Decision): number | undefined {
  // 0 would invite a request that is denied again.
  return retryAfterMs === undefined ? undefined : Math.max(1, seconds(retryAfterMs));
}
