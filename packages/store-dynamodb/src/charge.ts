import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { FixedWindowPolicy, TokenBucketPolicy } from "@sluice/core/kit";
import type { Entry, Policy } from "@sluice/core/store";
import { numberIn } from "./item-forms.js";
import type { Place } from "./place.js";
import { decode, encode, isNumbers } from "./stored.js";
import type { Expression } from "./table.js";

/** How the charges to one attribute are written. Added to an expression before it is sent. */
export interface Move {
  /** The attribute after the write, if the attribute was as last seen. */
  readonly expected: AttributeValue;
  /** Returns the entry as it was just before the write, from the attribute after the write. */
  entryBefore(after: AttributeValue): Entry | undefined;
}

/** The charges to one attribute. */
interface Charges {
  readonly place: Place;
  /** The attribute as it was last seen. */
  readonly seen: AttributeValue | undefined;
  /** The entry in it. `undefined` if there is none or it has expired. */
  readonly entry: Entry | undefined;
  /** The policy of all charges. `undefined` if they have different policies. */
  readonly policy: Policy | undefined;
  readonly cost: number;
  /** True if the attribute may be in use although the entry that was seen has expired. */
  readonly crowded: boolean;
  /** The entry to store if the attribute is as last seen. */
  readonly next: { readonly state: Entry; readonly expiresAtMs: number };
}

/** The path of a number in an attribute. Uses a placeholder, because any word may become reserved. */
type Field = (name: string) => string;

/** The condition that the key is not blocked. */
function notBlocked(expression: Expression, field: Field, nowMs: number): string {
  return `attribute_not_exists(${field("b")}) OR ${field("b")} <= ${expression.number(nowMs)}`;
}

type MoveBy = (expression: Expression, charges: Charges, policy: Policy, nowMs: number) => Move | undefined;

/** The algorithms whose charges can be written as conditions on numbers. */
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

/**
 * Adds the write of some charges. If possible, its conditions are those under which the charges fit, so that concurrent
 * writers do not make each other's writes fail. Otherwise the condition is that the attribute has not changed since it was
 * seen.
 */
export function addMove(expression: Expression, charges: Charges, nowMs: number): Move {
  const { policy, place, seen, entry } = charges;
  // If an attribute has an explicit, earlier expiry, only all of it can be compared.
  const usable = seen === undefined || (isNumbers(seen) && entry !== undefined);
  if (!usable || policy === undefined || policy.algorithm !== place.algorithm) return exactMove(expression, charges);
  return MOVES.get(policy.algorithm)?.(expression, charges, policy, nowMs) ?? exactMove(expression, charges);
}

function exactMove(expression: Expression, { place, seen, entry, next }: Charges): Move {
  const expected = encode(place.algorithm, next.state, next.expiresAtMs);
  replaceExactly(expression, place, seen, expected);
  return { expected, entryBefore: () => entry };
}

/** Compares and sets: writes on condition that the attribute has not changed since it was seen. */
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

/**
 * The write of charges to a token bucket. `undefined` if what was seen rules out conditions on the numbers. Everything is
 * in units of 1 / rate of a millisecond: `t` is the time at which the bucket is full again, and a token takes `interval`.
 * Core has the same numbers, but stores `t` as whole milliseconds and a numerator over `rate`.
 */
function bucketMove(
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

  // A bucket that is in use has no room for the whole demand.
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
  // The bucket was emptied in this millisecond, so the new busy period needs another name.
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

/** The write of charges to a fixed window. `undefined` in the same cases as for a bucket. */
function windowMove(
  expression: Expression,
  { place, seen, cost, crowded, next }: Charges,
  { limit, windowMs }: FixedWindowPolicy,
  nowMs: number,
): Move | undefined {
  const used = seen === undefined ? undefined : numberIn(seen, "u");
  const start = seen === undefined ? undefined : numberIn(seen, "s");
  // A window that started at this time or earlier has ended.
  const endedMs = nowMs - windowMs;
  const at = expression.name(place.attribute);
  const field: Field = (name) => `${at}.${expression.name(name)}`;
  const withLength = ({ M }: AttributeValue): AttributeValue => ({ M: { ...M, w: { N: String(windowMs) } } });

  // The start is in the future: the clock stepped back, or the name is not a plain time. Only the whole state can be
  // compared.
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
  // The window was emptied in this millisecond, so the new window needs another name.
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
