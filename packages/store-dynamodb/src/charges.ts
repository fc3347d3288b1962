import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Entry, Policy } from "@sluice/core/store";
import type { Expression } from "./expression.js";
import type { Place } from "./place.js";

/** How the charges of one attribute are written. Put into an expression when it was made. */
export interface Move {
  /** The attribute as the write leaves it, if it was as it was last seen. */
  readonly expected: AttributeValue;
  /** The entry as it was just before the write, from the attribute as the write left it. */
  entryBefore(after: AttributeValue): Entry | undefined;
}

/** What is to be charged to one attribute. */
export interface Charges {
  readonly place: Place;
  /** The attribute as it was last seen. */
  readonly seen: AttributeValue | undefined;
  /** The entry in it; `undefined` when there is none, or it has expired. */
  readonly entry: Entry | undefined;
  /** The policy of all charges; `undefined` when they are not of one. */
  readonly policy: Policy | undefined;
  readonly cost: number;
  /** Whether the attribute may well be in use although what was seen is over. */
  readonly crowded: boolean;
  /** What is to be there afterwards, if it is as it was last seen. */
  readonly next: { readonly state: Entry; readonly expiresAtMs: number };
}

/** The path of a number in an attribute. By a placeholder, since nobody knows which words will be reserved. */
export type Field = (name: string) => string;

/** The condition that the key is not blocked. */
export function notBlocked(expression: Expression, field: Field, nowMs: number): string {
  return `attribute_not_exists(${field("b")}) OR ${field("b")} <= ${expression.number(nowMs)}`;
}
