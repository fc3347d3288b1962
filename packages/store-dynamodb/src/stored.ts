import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type Entry, isEntry, type Policy, type TokenBucketPolicy, timeOf, unreadableState } from "@sluice/core/store";

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

/*
 * A log of grants as text: for each the time since the one before in base 36, and where it was of more than one unit, a
 * colon and how many. `loyw3v28 rs:5 7` is one unit at 1700000000000, five a second later, and one 7 ms after those.
 */

/** `undefined` for what is no log, or not in order. */
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

/** `undefined` for what is no such text. */
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

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * How far the clocks of processes may differ. State that lies further ahead than this was written before a clock stepped
 * back: it is repaired. State that lies less far ahead was written by a process whose clock is ahead of this one.
 */
const SKEW_MS = 2_000;

/** An entry with some state, and a policy that is to be decided on it. */
export interface Known {
  readonly entry: Entry;
  readonly policy: Policy;
}

/** This process's time, or the time of another process with a faster clock that the entries prove. */
export function timeBy(nowMs: number, known: readonly Known[]): number {
  let timeMs = nowMs;
  for (const { entry, policy } of known) {
    const provenMs = Math.max(blockTimeOf(entry), stateTimeOf(entry, policy));
    if (provenMs > timeMs && provenMs <= nowMs + SKEW_MS) timeMs = provenMs;
  }
  return timeMs;
}

/** The earliest time at which the block can have been made. */
function blockTimeOf(entry: Entry): number {
  return entry[0] === 2 ? entry[1] - entry[3] : 0;
}

/** The earliest time at which the policy can have left the state. */
function stateTimeOf([, , state]: Entry, policy: Policy): number {
  const numbers = (state ?? []) as readonly number[];
  if (policy.algorithm === "token-bucket") return bucketTimeOf(numbers, policy as TokenBucketPolicy);
  const isLog = policy.algorithm === "sliding-log";
  const counts = isLog ? numbers.slice(-1) : numbers.slice(1);
  const startMs = isLog ? numbers.at(-2) : numbers[0];
  return startMs !== undefined && counts.some((count) => count > 0) ? timeOf(startMs) : 0;
}

function bucketTimeOf(state: readonly number[], { rate, intervalMs, burst }: TokenBucketPolicy): number {
  const [fullAtMs = 0, numerator = 0, oldRate, oldIntervalMs] = state;
  if (oldRate !== rate || oldIntervalMs !== intervalMs) return 0;
  return fullAtMs - Math.floor((burst * intervalMs - numerator) / rate);
}
