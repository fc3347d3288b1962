import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type Entry, isEntry, timeOf, unreadableState } from "@sluice/core/store";
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
 * with b, the time until which the key is blocked, and l, the length of that block, where there are such. The grants of a sliding log are short text, { g, b },
 * since DynamoDB charges by the size; all other state is { j: JSON }. In each of them x is when the state expires; without x a bucket lives until it is full, and a window until it ends.
 */

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
  const fields = fieldsOf(algorithm, state) ?? { j: { S: JSON.stringify(state) } };
  return { M: expiresAtMs === undefined ? fields : { ...fields, x: { N: String(expiresAtMs) } } };
}

/**
 * The state in an attribute's value.
 *
 * @throws SluiceError `STORE_STATE_UNREADABLE`
 */
export function decode(algorithm: string | undefined, value: AttributeValue | undefined): Kept | undefined {
  if (value === undefined) return undefined;
  const text = value.M?.j?.S;
  const kept = text === undefined ? entryOf(algorithm, value) : { state: parse(text), expiresAtMs: FOREVER };
  if (kept === undefined) throw unreadableState();
  const expiresAt = numberIn(value, "x");
  return expiresAt === undefined ? kept : { state: kept.state, expiresAtMs: Number(expiresAt) };
}

/** Text is never written without a time. */
const FOREVER = Number.POSITIVE_INFINITY;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

/** The entry in fields of its own; `undefined` for what is none of its algorithm. */
function fieldsOf(algorithm: string | undefined, state: unknown): Record<string, AttributeValue> | undefined {
  if (!isEntry(state) || state.length !== state[0] + 2 || !isCount(state[1])) return undefined;
  const [, blockedUntilMs, own, blockedForMs] = state;
  if (blockedForMs !== undefined && !(blockedUntilMs > 0 && isCount(blockedForMs))) return undefined;
  const fields = ownFieldsOf(algorithm, own);
  return (
    fields && {
      ...fields,
      ...(blockedUntilMs > 0 && { b: { N: String(blockedUntilMs) } }),
      ...(blockedForMs !== undefined && { l: { N: String(blockedForMs) } }),
    }
  );
}

function ownFieldsOf(algorithm: string | undefined, own: unknown): Record<string, AttributeValue> | undefined {
  if (algorithm === "sliding-log") {
    const grants = encodeGrants(own);
    return grants === undefined ? undefined : { g: { S: grants } };
  }
  if (!Array.isArray(own) || !own.every(isCount)) return undefined;
  if (algorithm === "fixed-window" && own.length === 2) {
    const [startMs, used] = own as [number, number];
    return { u: { N: String(used) }, s: { N: String(startMs) } };
  }
  if (algorithm !== "token-bucket" || own.length !== 5) return undefined;
  const [fullAtMs, numerator, rate, intervalMs, busySinceMs] = own as [number, number, number, number, number];
  if (numerator >= rate) return undefined;
  const fullAt = BigInt(fullAtMs) * BigInt(rate) + BigInt(numerator);
  return {
    t: { N: String(fullAt) },
    r: { N: String(rate) },
    i: { N: String(intervalMs) },
    s: { N: String(busySinceMs) },
  };
}

function entryOf(algorithm: string | undefined, value: AttributeValue): Kept | undefined {
  const blockedUntilMs = Number(numberIn(value, "b") ?? 0n);
  const own = ownStateIn(algorithm, value);
  if (own === undefined) return undefined;
  const blockedForMs = numberIn(value, "l");
  const state: Entry =
    blockedForMs === undefined ? [1, blockedUntilMs, own.state] : [2, blockedUntilMs, own.state, Number(blockedForMs)];
  return { state, expiresAtMs: Math.max(own.expiresAtMs, blockedUntilMs) };
}

function ownStateIn(algorithm: string | undefined, value: AttributeValue): Kept | undefined {
  if (algorithm === "sliding-log") {
    const state = decodeGrants(value.M?.g?.S ?? "");
    return state && { state, expiresAtMs: FOREVER };
  }
  const start = numberIn(value, "s");
  if (start === undefined) return undefined;
  if (algorithm === "fixed-window") {
    const used = numberIn(value, "u");
    const expiresAtMs = timeOf(Number(start)) + Number(numberIn(value, "w") ?? 0n);
    return used === undefined ? undefined : { state: [Number(start), Number(used)], expiresAtMs };
  }
  const [fullAt, rate, interval] = [numberIn(value, "t"), numberIn(value, "r"), numberIn(value, "i")];
  if (fullAt === undefined || rate === undefined || interval === undefined || rate < 1n) return undefined;
  const [fullAtMs, numerator] = [Number(fullAt / rate), Number(fullAt % rate)];
  const state = [fullAtMs, numerator, Number(rate), Number(interval), Number(start)];
  return { state, expiresAtMs: numerator > 0 ? fullAtMs + 1 : fullAtMs };
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
