import { httpDateMs } from "./http-date.js";

/**
 * Reads how long a Retry-After field says to wait: in seconds, also with a fraction, or until a date (RFC 9110, section
 * 10.2.3).
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d{1,1000}(?:\.\d{0,1000})?$/.test(text)) {
    return Math.min(Math.ceil(Number(text) * 1_000), Number.MAX_SAFE_INTEGER);
  }
  const atMs = httpDateMs(text, nowMs);
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs);
}
