import { httpDateMs } from "./http-date.js";
import { longest } from "./lenient-number.js";

/**
 * Reads how long a Retry-After field says to wait: in seconds, also with a fraction, or until a date (RFC 9110, section
 * 10.2.3). Of a field that was sent more than once, the longest.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  return longest(value, (text) => {
    if (/^\d{1,1000}(?:\.\d{0,1000})?$/.test(text)) {
      return Math.min(Math.ceil(Number(text) * 1_000), Number.MAX_SAFE_INTEGER);
    }
    const atMs = httpDateMs(text, nowMs);
    return atMs === undefined ? undefined : Math.max(0, atMs - nowMs);
  });
}
