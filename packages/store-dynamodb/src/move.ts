import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { FixedWindowPolicy, Policy, TokenBucketPolicy } from "@sluice/core/store";
import { bucketMove } from "./bucket-move.js";
import type { Charges, Move } from "./charges.js";
import type { Expression } from "./expression.js";
import type { Place } from "./place.js";
import { encode, isNumbers } from "./stored.js";
import { windowMove } from "./window-move.js";

/** The algorithms whose charges can be conditions on numbers. */
const MOVES: ReadonlyMap<string, MoveBy> = new Map<string, MoveBy>([
  [
    "token-bucket",
    (expression, charges, policy, nowMs) => bucketMove(expression, charges, policy as TokenBucketPolicy, nowMs),
  ],
  [
    "fixed-window",
    (expression, charges, policy, nowMs) => windowMove(expression, charges, policy as FixedWindowPolicy, nowMs),
  ],
]);

type MoveBy = (expression: Expression, charges: Charges, policy: Policy, nowMs: number) => Move | undefined;

/**
 * Adds the write of some charges. Where it can, it says what has to be true of the numbers for all of them to fit, so that
 * writers do not defeat each other; otherwise that the attribute is still what was seen.
 */
export function addMove(expression: Expression, charges: Charges, nowMs: number): Move {
  const { policy, place, seen, entry } = charges;
  // Expired before its time: nothing but all of it tells that.
  const usable = seen === undefined || (isNumbers(seen) && entry !== undefined);
  if (!usable || policy === undefined || policy.algorithm !== place.algorithm) return exactMove(expression, charges);
  return MOVES.get(policy.algorithm)?.(expression, charges, policy, nowMs) ?? exactMove(expression, charges);
}

function exactMove(expression: Expression, { place, seen, entry, next }: Charges): Move {
  const expected = encode(place.algorithm, next.state, next.expiresAtMs);
  replaceExactly(expression, place, seen, expected);
  return { expected, entryBefore: () => entry };
}

/** Compare and set: on the condition that the attribute is what was seen. */
export function replaceExactly(
  expression: Expression,
  { attribute }: Place,
  seen: AttributeValue | undefined,
  value: AttributeValue,
): void {
  const at = expression.name(attribute);
  expression.require(seen === undefined ? `attribute_not_exists(${at})` : `${at} = ${expression.value(seen)}`);
  expression.set(`${at} = ${expression.value(value)}`);
}
