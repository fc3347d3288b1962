import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Entry, FixedWindowPolicy, Policy, TokenBucketPolicy } from "@sluice/core";
import type { Expression } from "./expression.js";
import type { Place } from "./place.js";
import { decode, encode, isNumbers, numberIn } from "./stored.js";

/** How the charges of one attribute are written. Put into an expression when it was made. */
export interface Move {
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

/**
 * Adds the write of some charges. Where it can, it says what has to be true of the numbers for all of them to fit, so that
 * writers do not defeat each other; otherwise that the attribute is still what was seen.
 */
export function addMove(expression: Expression, charges: Charges, nowMs: number): Move {
  const { policy, place, seen, entry } = charges;
  // Expired before its time: nothing but all of it tells that.
  const usable = seen === undefined || (isNumbers(seen) && entry !== undefined);
  let move: Move | undefined;
  if (usable && policy !== undefined && policy.algorithm === place.algorithm) {
    if (policy.algorithm === "token-bucket") move = bucketMove(expression, charges, policy as TokenBucketPolicy, nowMs);
    if (policy.algorithm === "fixed-window") move = windowMove(expression, charges, policy as FixedWindowPolicy, nowMs);
  }
  return move ?? exactMove(expression, charges);
}

/**
 * Everything is in units of 1 / rate of a millisecond: `t` is when the bucket is full again, and a token takes `interval`.
 * The same numbers as core's, which holds `t` as whole milliseconds and a numerator over `rate`.
 */
function bucketMove(
  expression: Expression,
  { place, seen, cost, crowded }: Charges,
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
  const same = (): string => `${at}.r = ${expression.number(rate)} AND ${at}.i = ${expression.number(interval)}`;

  // In a bucket that is in use there is no room for all of it.
  if (fullAt !== undefined && (fullAt > now || (crowded && asked < full))) {
    const least = expression.number(now + 1n);
    expression.require(`${same()} AND ${at}.t BETWEEN ${least} AND ${expression.number(now + full - asked)}`);
    expression.require(notBlocked(expression, at, nowMs));
    expression.set(`${at}.t = ${at}.t + ${expression.number(asked)}`);
    expression.remove(`${at}.x`);
    return {
      entryBefore(after) {
        const t = (numberIn(after, "t") as bigint) - asked;
        return decode("token-bucket", { M: { ...after.M, t: { N: String(t) } } })?.state as Entry;
      },
    };
  }
  if (seen?.M?.b !== undefined) return undefined;
  expression.require(
    `attribute_not_exists(${at}) OR ` +
      `(${same()} AND ${at}.t <= ${expression.number(now)} AND attribute_not_exists(${at}.b))`,
  );
  const state: Entry = [
    1,
    0,
    [Number((now + asked) / rate), Number((now + asked) % rate), policy.rate, policy.intervalMs, nowMs],
  ];
  expression.set(`${at} = ${expression.value(encode("token-bucket", state, undefined))}`);
  return { entryBefore: () => undefined };
}

function windowMove(
  expression: Expression,
  { place, seen, cost, crowded }: Charges,
  { limit, windowMs }: FixedWindowPolicy,
  nowMs: number,
): Move | undefined {
  const used = seen === undefined ? undefined : numberIn(seen, "u");
  const start = seen === undefined ? undefined : numberIn(seen, "s");
  // A window that started here or before is over.
  const endedMs = nowMs - windowMs;
  const at = expression.name(place.attribute);

  const isUsed = used !== undefined && start !== undefined && used > 0n && Number(start) > endedMs;
  if (isUsed || (crowded && used !== undefined)) {
    const zero = expression.number(0);
    expression.require(`${at}.s > ${expression.number(endedMs)} AND ${at}.u > ${zero}`);
    expression.require(`${at}.u <= ${expression.number(limit - cost)}`);
    expression.require(notBlocked(expression, at, nowMs));
    expression.set(`${at}.u = ${at}.u + ${expression.number(cost)}, ${at}.w = ${expression.number(windowMs)}`);
    expression.remove(`${at}.x`);
    return {
      entryBefore(after) {
        const u = (numberIn(after, "u") as bigint) - BigInt(cost);
        return decode("fixed-window", { M: { ...after.M, u: { N: String(u) } } })?.state as Entry;
      },
    };
  }
  if (seen?.M?.b !== undefined) return undefined;
  expression.require(
    `attribute_not_exists(${at}) OR (attribute_not_exists(${at}.b) AND ` +
      `(${at}.s <= ${expression.number(endedMs)} OR ${at}.u = ${expression.number(0)}))`,
  );
  const fresh = encode("fixed-window", [1, 0, [nowMs, cost]], undefined);
  expression.set(`${at} = ${expression.value({ M: { ...fresh.M, w: { N: String(windowMs) } } })}`);
  return { entryBefore: () => undefined };
}

function notBlocked(expression: Expression, at: string, nowMs: number): string {
  return `attribute_not_exists(${at}.b) OR ${at}.b <= ${expression.number(nowMs)}`;
}

function exactMove(expression: Expression, { place, seen, entry, next }: Charges): Move {
  replaceExactly(expression, place, seen, encode(place.algorithm, next.state, next.expiresAtMs));
  return { entryBefore: () => entry };
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
