import type { Entry, TokenBucketPolicy } from "@sluice/core/store";
import { type Charges, type Field, type Move, notBlocked } from "./charges.js";
import type { Expression } from "./expression.js";
import { numberIn } from "./item-forms.js";
import { decode, encode } from "./stored.js";

/**
 * The write of charges to a token bucket; `undefined` when what was seen rules out that it goes by conditions on the
 * numbers. Everything is in units of 1 / rate of a millisecond: `t` is when the bucket is full again, and a token takes `interval`.
 * The same numbers as core's, which holds `t` as whole milliseconds and a numerator over `rate`.
 */
export function bucketMove(
  expression: Expression,
  { place, seen, cost, crowded, next }: Charges,
  policy: TokenBucketPolicy,
  nowMs: number,
): Move | undefined {
  const [rate, interval] = [BigInt(policy.rate), BigInt(policy.intervalMs)];
  const now = BigInt(nowMs) * rate;
  const asked = BigInt(cost) * interval;
  const full = BigInt(policy.burst) * interval;
  if (seen !== undefined && (numberIn(seen, "r") !== rate || numberIn(seen, "i") !== interval)) return undefined;
  const fullAt = seen === undefined ? undefined : numberIn(seen, "t");
  const at = expression.name(place.attribute);
  const field: Field = (name) => `${at}.${expression.name(name)}`;
  const same = (): string =>
    `${field("r")} = ${expression.number(rate)} AND ${field("i")} = ${expression.number(interval)}`;

  // In a bucket that is in use there is no room for all of it.
  if (fullAt !== undefined && (fullAt > now || (crowded && asked < full))) {
    const least = expression.number(now + 1n);
    expression.require(`${same()} AND ${field("t")} BETWEEN ${least} AND ${expression.number(now + full - asked)}`);
    expression.require(notBlocked(expression, field, nowMs));
    expression.set(`${field("t")} = ${field("t")} + ${expression.number(asked)}`);
    expression.remove(field("x"));
    return {
      expected: encode("token-bucket", next.state, undefined),
      entryBefore(after) {
        const t = (numberIn(after, "t") as bigint) - asked;
        return decode("token-bucket", { M: { ...after.M, t: { N: String(t) } } })?.state as Entry;
      },
    };
  }
  // A bucket that was emptied in this millisecond: the new busy period needs another name.
  const isNamed = seen !== undefined && Number(numberIn(seen, "s")) >= nowMs;
  if (seen?.M?.b !== undefined || isNamed) return undefined;
  expression.require(
    `attribute_not_exists(${at}) OR ` +
      `(${same()} AND ${field("t")} <= ${expression.number(now)} AND ${field("s")} < ${expression.number(nowMs)} ` +
      `AND attribute_not_exists(${field("b")}))`,
  );
  const state: Entry = [
    1,
    0,
    [Number((now + asked) / rate), Number((now + asked) % rate), policy.rate, policy.intervalMs, nowMs],
  ];
  const expected = encode("token-bucket", state, undefined);
  expression.set(`${at} = ${expression.value(expected)}`);
  return { expected, entryBefore: () => undefined };
}
