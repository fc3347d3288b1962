import type { Expression } from "./expression.js";
import type { Item } from "./stored.js";

/** The item's attribute by which DynamoDB deletes it: in whole seconds since 1970. No decision looks at it. */
export const TIME_TO_LIVE = "expiresAt";

/** An item stays so much longer than it must, so that its time need not be set anew with every write. */
const SPARE_S = 60;

/**
 * Makes sure that the item stays at least until `untilMs`, and leaves alone that others need it for longer. An update
 * expression can't take the larger of two times, so what was last seen says which of two conditions to make.
 *
 * @returns the attribute as the write leaves it, if it was as it was last seen
 */
export function keepUntil(expression: Expression, item: Item, untilMs: number): Item {
  const neededS = Math.ceil(untilMs / 1_000);
  const at = expression.name(TIME_TO_LIVE);
  if (Number(item[TIME_TO_LIVE]?.N ?? 0) >= neededS) {
    expression.require(`${at} >= ${expression.number(neededS)}`);
    return {};
  }
  // Half of the spare time is for two writers whose clocks or windows differ a little.
  const most = expression.number(neededS + SPARE_S * 1.5);
  expression.require(`attribute_not_exists(${at}) OR ${at} <= ${most}`);
  expression.set(`${at} = ${expression.number(neededS + SPARE_S)}`);
  return { [TIME_TO_LIVE]: { N: String(neededS + SPARE_S) } };
}
