import type { Policy, Quota } from "../../algorithm/policy.js";
import type { Decision } from "../../limiter/decision.js";

/** A field of the response. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /**
   * True if it joins a field of the same name, as lists do when several limiters see one request. Otherwise it replaces
   * it: the last limiter, closest to the route, speaks.
   */
  readonly append: boolean;
}

/** A policy in the form of the headers. */
export interface AdvertisedPolicy extends Quota {
  readonly policy: Policy;
  /** The unit of costs, if it is not requests: `qu` in draft 8 and newer. */
  readonly unit?: string | undefined;
  /** Base64 of the client's partition key: `pk` in draft 8 and newer. */
  readonly partitionKey?: string | undefined;
}

/** One form of the fields. Parts that do not change from response to response are computed once. */
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
