import type { Policy, Quota } from "../../algorithm/policy.js";
import type { Decision } from "../../limiter/decision.js";

/** A field of the response. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /**
   * Whether it joins a field of the same name, as lists do when several limiters see one request. Otherwise it replaces
   * it: the last limiter, closest to the route, speaks.
   */
  readonly append: boolean;
}

/** A policy as headers tell of it. */
export interface AdvertisedPolicy extends Quota {
  readonly policy: Policy;
  /** What is counted, when that is not requests: draft 8 and newer say so in `qu`. */
  readonly unit?: string | undefined;
  /** Base64 of what tells clients apart: draft 8 and newer put it into `pk`. */
  readonly partitionKey?: string | undefined;
}

/** One form of the fields. What does not change from response to response is worked out once. */
export interface HeaderForm {
  /** The field that lists the policies; the same for every response. */
  policyField(policies: readonly AdvertisedPolicy[]): HeaderField | undefined;
  /** The fields with the numbers of a decision on these policies. */
  stateFields(policies: readonly AdvertisedPolicy[]): readonly StateField[];
}

/** A field whose value is another one for each response. */
export interface StateField extends Omit<HeaderField, "value"> {
  write(decision: Decision, nowMs: () => number): string;
}
