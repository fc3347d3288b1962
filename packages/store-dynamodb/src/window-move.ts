import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Entry, FixedWindowPolicy } from "@sluice/core/store";
import { type Charges, type Field, type Move, notBlocked } from "./charges.js";
import type { Expression } from "./expression.js";
import { numberIn } from "./item-forms.js";
import { decode, encode } from "./stored.js";

/** The write of charges to a fixed window; `undefined` as of a bucket. */
export function windowMove(
  expression: Expression,
  { place, seen, cost, crowded, next }: Charges,
  { limit, windowMs }: FixedWindowPolicy,
  nowMs: number,
): Move | undefined {
  const used = seen === undefined ? undefined : numberIn(seen, "u");
  const start = seen === undefined ? undefined : numberIn(seen, "s");
  // A window that started here or before is over.
  const endedMs = nowMs - windowMs;
  const at = expression.name(place.attribute);
  const field: Field = (name) => `${at}.${expression.name(name)}`;
  const withLength = ({ M }: AttributeValue): AttributeValue => ({ M: { ...M, w: { N: String(windowMs) } } });

  // A start later than now: the clock stepped back, or the name is not a plain time. Only all of the state tells.
  if (start !== undefined && Number(start) > nowMs) return undefined;
  const isUsed = used !== undefined && start !== undefined && used > 0n && Number(start) > endedMs;
  if (isUsed || (crowded && used !== undefined)) {
    const zero = expression.number(0);
    const first = expression.number(endedMs + 1);
    expression.require(`${field("s")} BETWEEN ${first} AND ${expression.number(nowMs)} AND ${field("u")} > ${zero}`);
    expression.require(`${field("u")} <= ${expression.number(limit - cost)}`);
    expression.require(notBlocked(expression, field, nowMs));
    expression.set(
      `${field("u")} = ${field("u")} + ${expression.number(cost)}, ${field("w")} = ${expression.number(windowMs)}`,
    );
    expression.remove(field("x"));
    return {
      expected: withLength(encode("fixed-window", next.state, undefined)),
      entryBefore(after) {
        const u = (numberIn(after, "u") as bigint) - BigInt(cost);
        return decode("fixed-window", { M: { ...after.M, u: { N: String(u) } } })?.state as Entry;
      },
    };
  }
  // A window that was emptied in this millisecond: the new one needs another name.
  if (seen?.M?.b !== undefined || Number(start) === nowMs) return undefined;
  expression.require(
    `attribute_not_exists(${at}) OR (attribute_not_exists(${field("b")}) AND ` +
      `(${field("s")} <= ${expression.number(endedMs)} OR ` +
      `(${field("u")} = ${expression.number(0)} AND ${field("s")} < ${expression.number(nowMs)})))`,
  );
  const expected = withLength(encode("fixed-window", [1, 0, [nowMs, cost]], undefined));
  expression.set(`${at} = ${expression.value(expected)}`);
  return { expected, entryBefore: () => undefined };
}
