import { SluiceError } from "@sluice/core/store";

/** The error for a reply that can't be what the script replied. */
export function malformedReply(what: string): SluiceError {
  return new SluiceError(
    "STORE_FAILED",
    `Redis's reply has ${what}: let the client return replies as Redis sends them, without mapping or parsing of values`,
  );
}

/** A reply of the script as an array. @throws SluiceError `STORE_FAILED` */
export function arrayReply(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply))
    throw malformedReply(`the type ${reply === null ? "null" : typeof reply} instead of array`);
  return reply;
}

/**
 * An integer of a reply: clients return it as a number, a big integer, or text.
 *
 * @throws SluiceError `STORE_FAILED`
 */
export function integerReply(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  const number = typeof value === "bigint" || isInteger(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw malformedReply("something else where an integer must be");
  return number;
}

function isInteger(value: unknown): boolean {
  return (typeof value === "string" || value instanceof Uint8Array) && /^-?\d{1,16}$/.test(textOf(value));
}

/** A text of a reply: clients return it as a string or bytes. @throws SluiceError `STORE_FAILED` */
export function textReply(value: unknown): string {
  if (typeof value === "string" || value instanceof Uint8Array) return textOf(value);
  throw malformedReply("something else where a string must be");
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : Buffer.from(value).toString("utf8");
}

/** A reply of integers only. The reply itself where the client returned numbers, as most do. */
export function integersReply(reply: unknown): readonly number[] {
  const values = arrayReply(reply);
  return values.every(Number.isSafeInteger) ? (values as readonly number[]) : values.map(integerReply);
}
