import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type Entry, unreadableState } from "@sluice/core";
import { decodeGrants, encodeGrants } from "./grants-text.js";

/** An item as the client library hands it over. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** State, and when it goes. */
export interface Kept {
  readonly state: unknown;
  readonly expiresAtMs: number;
}

/*
 * Entries of the two algorithms that update expressions can work on lie in numbers of their own:
 *
 *   token bucket  { t: full at, in units of 1 / rate of a millisecond; r: rate; i: interval in ms; s: busy since }
 *   fixed window  { u: used; s: start; w: length of the window in ms }
 *
 * with b, the time until which the key is blocked, where there is one. The grants of a sliding log are short text, { g, b },
 * since DynamoDB charges by the size; all other state is { j: JSON }. In each of them x is when the state expires; without x a bucket lives until it is full, and a window until it ends.
 */
type Numbers = Readonly<Record<string, string>>;

/** Whether a value is in the numbers of its algorithm, and not text. */
export function isNumbers(value: AttributeValue | undefined): value is AttributeValue.MMember {
  return value?.M !== undefined && value.M.j === undefined && value.M.g === undefined;
}

/** One of a value's numbers. */
export function numberIn(value: AttributeValue, name: string): bigint | undefined {
  const digits = value.M?.[name]?.N;
  return digits === undefined ? undefined : BigInt(digits);
}

/** The attribute's value for a state; with `expiresAtMs` where the state alone does not tell when it goes. */
export function encode(algorithm: string | undefined, state: unknown, expiresAtMs: number | undefined): AttributeValue {
  const numbers = numbersOf(algorithm, state);
  const fields: Record<string, AttributeValue> = {};
  const grants = algorithm === "sliding-log" ? encodeLog(state) : undefined;
  if (grants !== undefined) Object.assign(fields, grants);
  else if (numbers === undefined) fields.j = { S: JSON.stringify(state) };
  else for (const [name, digits] of Object.entries(numbers)) fields[name] = { N: digits };
  if (expiresAtMs !== undefined) fields.x = { N: String(expiresAtMs) };
  return { M: fields };
}

/**
 * The state in an attribute's value.
 *
 * @throws SluiceError `STORE_STATE_UNREADABLE`
 */
export function decode(algorithm: string | undefined, value: AttributeValue | undefined): Kept | undefined {
  if (value === undefined) return undefined;
  const expires = numberIn(value, "x");
  const expiresAtMs = expires === undefined ? undefined : Number(expires);
  const text = value.M?.j?.S;
  if (text !== undefined) return { state: parse(text), expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY };
  const grants = value.M?.g?.S;
  if (grants !== undefined) {
    const blockedUntilMs = Number(numberIn(value, "b") ?? 0n);
    return { state: [1, blockedUntilMs, decodeGrants(grants)], expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY };
  }
  const entry = entryOf(algorithm, value);
  if (entry === undefined) throw unreadableState();
  return { state: entry.state, expiresAtMs: expiresAtMs ?? entry.expiresAtMs };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

function numbersOf(algorithm: string | undefined, state: unknown): Numbers | undefined {
  const counts = algorithm === "token-bucket" ? 5 : algorithm === "fixed-window" ? 2 : 0;
  if (counts === 0 || !isEntry(state)) return undefined;
  const [, blockedUntilMs, cells] = state;
  if (!Array.isArray(cells) || cells.length !== counts || !cells.every(isCount)) return undefined;
  const blocked = blockedUntilMs === 0 ? undefined : { b: String(blockedUntilMs) };
  if (algorithm === "fixed-window") {
    const [startMs, used] = cells as [number, number];
    return { u: String(used), s: String(startMs), ...blocked };
  }
  const [fullAtMs, numerator, rate, intervalMs, busySinceMs] = cells as [number, number, number, number, number];
  if (numerator >= rate) return undefined;
  const fullAt = BigInt(fullAtMs) * BigInt(rate) + BigInt(numerator);
  return { t: String(fullAt), r: String(rate), i: String(intervalMs), s: String(busySinceMs), ...blocked };
}

function encodeLog(state: unknown): Record<string, AttributeValue> | undefined {
  if (!isEntry(state)) return undefined;
  const [, blockedUntilMs, log] = state;
  const grants = encodeGrants(log);
  if (grants === undefined) return undefined;
  return { g: { S: grants }, ...(blockedUntilMs > 0 && { b: { N: String(blockedUntilMs) } }) };
}

function isEntry(state: unknown): state is [1, number, unknown] {
  return Array.isArray(state) && state.length === 3 && state[0] === 1 && isCount(state[1]);
}

function entryOf(
  algorithm: string | undefined,
  value: AttributeValue,
): { state: Entry; expiresAtMs: number } | undefined {
  const start = numberIn(value, "s");
  const blockedUntilMs = Number(numberIn(value, "b") ?? 0n);
  if (start === undefined) return undefined;
  if (algorithm === "token-bucket") {
    const [fullAt, rate, interval] = [numberIn(value, "t"), numberIn(value, "r"), numberIn(value, "i")];
    if (fullAt === undefined || rate === undefined || interval === undefined || rate < 1n) return undefined;
    const [fullAtMs, numerator] = [Number(fullAt / rate), Number(fullAt % rate)];
    return {
      state: [1, blockedUntilMs, [fullAtMs, numerator, Number(rate), Number(interval), Number(start)]],
      expiresAtMs: Math.max(fullAtMs + (numerator > 0 ? 1 : 0), blockedUntilMs),
    };
  }
  const used = numberIn(value, "u");
  if (algorithm !== "fixed-window" || used === undefined) return undefined;
  const endMs = Number(start) + Number(numberIn(value, "w") ?? 0n);
  return { state: [1, blockedUntilMs, [Number(start), Number(used)]], expiresAtMs: Math.max(endMs, blockedUntilMs) };
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
