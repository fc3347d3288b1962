import type { Decision } from "../limiter/decision.js";
import type { HeaderField } from "./headers/field.js";
import { retryAfterSeconds } from "./headers/retry-after.js";

/** A cache must not answer others with a rejection (RFC 6585, section 4). */
const NO_STORE: HeaderField = { name: "Cache-Control", value: "no-store", append: false };

/** What a rejection has besides the RateLimit fields. */
export function rejectionFields(decision: Decision): readonly HeaderField[] {
  const retryAfter = retryAfterSeconds(decision);
  if (retryAfter === undefined) return [NO_STORE];
  return [{ name: "Retry-After", value: String(retryAfter), append: false }, NO_STORE];
}

/** What a dry run would have done. */
export function dryRunField({ allowed }: Decision): HeaderField {
  return { name: "Sluice-Dry-Run", value: allowed ? "allowed" : "denied", append: true };
}
