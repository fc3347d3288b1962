import type { Policy, Quota } from "../../algorithm/policy.js";
import type { Decision } from "../../limiter/decision.js";

/** A field of the response. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /**
   * True if the value is appended to a field of the same name, such as a list that several limiters extend. Otherwise it
   * replaces the field, so the last limiter, closest to the route, wins.
   */
  readonly append: boolean;
}

/** A policy as the headers report it. */
export interface AdvertisedPolicy extends Quota {
  readonly policy: Policy;
  /** The unit of costs if it is not requests: `qu` in draft 8 and newer. */
  readonly unit?: string | undefined;
  /** Base64 of the client's partition key: `pk` in draft 8 and newer. */
  readonly partitionKey?: string | undefined;
}

/** One form of the fields. Parts that do not change from response to response are computed once. */
export interface HeaderForm {
  /** The field that lists the policies. It is the same for every response. */
  policyField(policies: readonly AdvertisedPolicy[]): HeaderField | undefined;
  /** The fields with the numbers of a decision on these policies. */
  stateFields(policies: readonly AdvertisedPolicy[]): readonly StateField[];
}

/** A field whose value differs between responses. */
export interface StateField extends Omit<HeaderField, "value"> {
  write(decision: Decision, nowMs: () => number): string;
}
