import type { Decision } from "../../limiter/decision.js";

/** The largest Integer of Structured Fields (RFC 9651, section 3.3.1): 15 digits. */
const MAX_INTEGER = 999_999_999_999_999;

/** A count, limited to the largest number that a field can hold. */
export function integer(count: number): number {
  return Math.min(count, MAX_INTEGER);
}

/** Whole seconds, rounded up, so that a client that waits this long has waited long enough. */
export function seconds(ms: number): number {
  return ms > 0 ? integer(Math.ceil(ms / 1000)) : 0;
}

/** The whole seconds of the Retry-After field; `undefined` if waiting does not help, or the time is unknown. */
export function retryAfterSeconds({ retryAfterMs }: Decision): number | undefined {
  // 0 would invite a request that is denied again.
  return retryAfterMs === undefined ? undefined : Math.max(1, seconds(retryAfterMs));
}
