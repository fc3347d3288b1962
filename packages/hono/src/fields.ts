import type { HeaderField } from "@sluice/core";
import type { Context, Env } from "hono";

/** Where a context keeps the fields of all limiters on its request. */
const SENT = Symbol("fields");

interface KeepingContext {
  [SENT]?: readonly HeaderField[];
}

/**
 * Sets fields before the route runs, since setting them after it costs far more. Returns what all limiters so far have
 * set, lists joined, for {@link restoreFields}.
 */
export function setFields<E extends Env>(c: Context<E>, fields: readonly HeaderField[]): readonly HeaderField[] {
  for (const { name, value, append } of fields) {
    if (append) c.header(name, value, APPEND);
    else c.header(name, value);
  }
  const context = c as KeepingContext;
  const earlier = context[SENT];
  const sent = earlier === undefined ? fields : joined(earlier, fields);
  context[SENT] = sent;
  return sent;
}

const APPEND = { append: true };

/** Sets them again when the route or an error handler answered with a response of its own; what that says itself stays. */
export function restoreFields<E extends Env>(c: Context<E>, sent: readonly HeaderField[]): void {
  const [first] = sent;
  if (first === undefined || c.res.headers.has(first.name)) return;
  for (const { name, value } of sent) if (!c.res.headers.has(name)) c.header(name, value);
}

function joined(earlier: readonly HeaderField[], fields: readonly HeaderField[]): readonly HeaderField[] {
  const byName = new Map(earlier.map((field) => [field.name, field]));
  for (const field of fields) {
    const before = field.append ? byName.get(field.name) : undefined;
    byName.set(field.name, before === undefined ? field : { ...field, value: `${before.value}, ${field.value}` });
  }
  return [...byName.values()];
}
