import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { earliestMs, isEntry } from "@sluice/core/kit";
import { type Entry, type Policy, unreadableState } from "@sluice/core/store";
import { digits, type Fields, isCount, itemFormOf, type Kept, numberIn } from "./item-forms.js";

/** An item in the client library's form. */
export type Item = Readonly<Record<string, AttributeValue>>;

/*
 * An entry is stored in the fields of its algorithm's form (see `item-forms.ts`). If it has a block, `b` is the time until
 * which the key is blocked, and `l` is the length of the block. All other state is `{ j: JSON }`. In both, `x` is the time
 * at which the state expires. Without `x` a bucket expires when it is full, and a window when it ends.
 */

/** Returns whether a value has its algorithm's numeric form and is not text. */
export function isNumbers(value: AttributeValue | undefined): value is AttributeValue.MMember {
  return value?.M !== undefined && value.M.j === undefined && value.M.g === undefined;
}

/** Encodes a state as an attribute's value. Includes `expiresAtMs` if the state does not imply its expiry. */
export function encode(algorithm: string | undefined, state: unknown, expiresAtMs: number | undefined): AttributeValue {
  const fields = fieldsOf(algorithm, state) ?? { j: { S: JSON.stringify(state) } };
  return { M: expiresAtMs === undefined ? fields : { ...fields, x: { N: String(expiresAtMs) } } };
}

/**
 * Decodes the state in an attribute's value.
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

/** Text is never written without an expiry. */
const FOREVER = Number.POSITIVE_INFINITY;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadableState({ cause: error });
  }
}

/** The fields of an entry. `undefined` for a value that is not an entry of its algorithm. */
function fieldsOf(algorithm: string | undefined, state: unknown): Fields | undefined {
  if (!isEntry(state) || state.length !== state[0] + 2 || !isCount(state[1])) return undefined;
  const [, blockedUntilMs, own, blockedForMs] = state;
  if (blockedForMs !== undefined && !(blockedUntilMs > 0 && isCount(blockedForMs))) return undefined;
  const fields = itemFormOf(algorithm)?.fieldsOf(own);
  return (
    fields && {
      ...fields,
      ...(blockedUntilMs > 0 && { b: digits(blockedUntilMs) }),
      ...(blockedForMs !== undefined && { l: digits(blockedForMs) }),
    }
  );
}

function entryOf(algorithm: string | undefined, value: AttributeValue): Kept | undefined {
  const blockedUntilMs = Number(numberIn(value, "b") ?? 0n);
  const own = itemFormOf(algorithm)?.read(value);
  if (own === undefined) return undefined;
  const blockedForMs = numberIn(value, "l");
  const state: Entry =
    blockedForMs === undefined ? [1, blockedUntilMs, own.state] : [2, blockedUntilMs, own.state, Number(blockedForMs)];
  return { state, expiresAtMs: Math.max(own.expiresAtMs, blockedUntilMs) };
}

/**
 * The maximum difference between the clocks of processes. State that is further in the future was written before a clock
 * stepped back, and is repaired. State that is less far in the future was written by a process whose clock is ahead.
 */
const SKEW_MS = 2_000;

/** An entry with state, and a policy for deciding on it. */
export interface Known {
  readonly entry: Entry;
  readonly policy: Policy;
}

/** The time of this process, or of another process whose clock is ahead, according to the entries. */
export function timeBy(nowMs: number, known: readonly Known[]): number {
  let timeMs = nowMs;
  for (const { entry, policy } of known) {
    const stateMs = entry[2] === null ? 0 : earliestMs(entry[2], policy);
    const provenMs = Math.max(blockTimeOf(entry), stateMs);
    if (provenMs > timeMs && provenMs <= nowMs + SKEW_MS) timeMs = provenMs;
  }
  return timeMs;
}

/** The earliest time at which the block can have been created. */
function blockTimeOf(entry: Entry): number {
  return entry[0] === 2 ? entry[1] - entry[3] : 0;
}
