import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { timeOf } from "@sluice/core/kit";

/** State and its expiry. */
export interface Kept {
  readonly state: unknown;
  readonly expiresAtMs: number;
}

/** Fields of an attribute's map. */
export type Fields = Readonly<Record<string, AttributeValue>>;

/** How the states of one algorithm are stored in an attribute: as numbers that update expressions can use, or as short text. */
interface ItemForm {
  /** Returns `undefined` for a value that is not a state of the algorithm. It is then stored as JSON. */
  fieldsOf(state: unknown): Fields | undefined;
  /** Returns `undefined` for fields that are not such a state. */
  read(value: AttributeValue): Kept | undefined;
}

/** `{ t: full at, in units of 1 / rate of a millisecond; r: rate; i: interval in ms; s: busy since }` */
const bucketForm: ItemForm = {
  fieldsOf(state) {
    if (!isCounts(state) || state.length !== 5) return undefined;
    const [fullAtMs, numerator, rate, intervalMs, busySinceMs] = state as [number, number, number, number, number];
    if (numerator >= rate) return undefined;
    const fullAt = BigInt(fullAtMs) * BigInt(rate) + BigInt(numerator);
    return { t: digits(fullAt), r: digits(rate), i: digits(intervalMs), s: digits(busySinceMs) };
  },

  read(value) {
    const [busySince, fullAt] = [numberIn(value, "s"), numberIn(value, "t")];
    const [rate, interval] = [numberIn(value, "r"), numberIn(value, "i")];
    if (busySince === undefined || fullAt === undefined) return undefined;
    if (rate === undefined || interval === undefined || rate < 1n) return undefined;
    const [fullAtMs, numerator] = [Number(fullAt / rate), Number(fullAt % rate)];
    const state = [fullAtMs, numerator, Number(rate), Number(interval), Number(busySince)];
    return { state, expiresAtMs: numerator > 0 ? fullAtMs + 1 : fullAtMs };
  },
};

/** `{ u: used; s: start; w: length of the window in ms }` */
const windowForm: ItemForm = {
  fieldsOf(state) {
    if (!isCounts(state) || state.length !== 2) return undefined;
    const [startMs, used] = state as [number, number];
    return { u: digits(used), s: digits(startMs) };
  },

  read(value) {
    const [start, used] = [numberIn(value, "s"), numberIn(value, "u")];
    if (start === undefined || used === undefined) return undefined;
    const expiresAtMs = timeOf(Number(start)) + Number(numberIn(value, "w") ?? 0n);
    return { state: [Number(start), Number(used)], expiresAtMs };
  },
};

/** `{ g: grants }` as text, because DynamoDB charges by size. */
const logForm: ItemForm = {
  fieldsOf(state) {
    const grants = encodeGrants(state);
    return grants === undefined ? undefined : { g: { S: grants } };
  },

  read(value) {
    const state = decodeGrants(value.M?.g?.S ?? "");
    return state && { state, expiresAtMs: Number.POSITIVE_INFINITY };
  },
};

/** The states of all other algorithms are stored as JSON. */
const FORMS: ReadonlyMap<string | undefined, ItemForm> = new Map([
  ["token-bucket", bucketForm],
  ["fixed-window", windowForm],
  ["sliding-log", logForm],
]);

/** How an algorithm's states are stored. `undefined` if they are stored as JSON. */
export function itemFormOf(algorithm: string | undefined): ItemForm | undefined {
  return FORMS.get(algorithm);
}

/** One of the numbers in a value. */
export function numberIn(value: AttributeValue, name: string): bigint | undefined {
  const text = value.M?.[name]?.N;
  return text === undefined ? undefined : BigInt(text);
}

/** Encodes a number as an attribute's value. */
export function digits(value: number | bigint): AttributeValue {
  return { N: String(value) };
}

/** Returns whether a value is a whole number of 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(state: unknown): state is readonly number[] {
  return Array.isArray(state) && state.every(isCount);
}

/*
 * Encodes a log of grants as text: for each grant, the time since the previous one in base 36 and, if it has more than one
 * unit, a colon and the number of units. `loyw3v28 rs:5 7` is one unit at 1700000000000, five units a second later, and one
 * unit 7 ms after that.
 */

/** Returns `undefined` for a value that is not a log or not in order. */
export function encodeGrants(log: unknown): string | undefined {
  if (!Array.isArray(log) || log.length % 2 !== 0 || log.length === 0) return undefined;
  const grants: string[] = [];
  let beforeMs = 0;
  for (let i = 0; i < log.length; i += 2) {
    const [atMs, cost] = [log[i], log[i + 1]] as [unknown, unknown];
    if (!isCount(atMs) || !isCount(cost) || atMs < beforeMs) return undefined;
    const since = (atMs - beforeMs).toString(36);
    grants.push(cost === 1 ? since : `${since}:${cost.toString(36)}`);
    beforeMs = atMs;
  }
  return grants.join(" ");
}

/** Returns `undefined` for any other text. */
export function decodeGrants(text: string): number[] | undefined {
  if (!/^[0-9a-z]+(:[0-9a-z]+)?( [0-9a-z]+(:[0-9a-z]+)?)*$/.test(text)) return undefined;
  const log: number[] = [];
  let atMs = 0;
  for (const grant of text.split(" ")) {
    const [since = "", cost = "1"] = grant.split(":");
    atMs += Number.parseInt(since, 36);
    log.push(atMs, Number.parseInt(cost, 36));
  }
  return log;
}
