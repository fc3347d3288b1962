import type { HeaderField } from "@sluice/core/http";
import type { Context, Env } from "hono";

/** The key under which a context keeps the fields of all limiters that ran for its request. */
const SENT = Symbol("fields");

interface KeepingContext {
  [SENT]?: readonly HeaderField[];
}

const APPEND = { append: true };

/** Fields that a response may have for reasons other than the limit. */
const SHARED: ReadonlySet<string> = new Set(["Retry-After", "Cache-Control"]);

/** The field that `@hono/node-server` sets on the response of a route that answered directly. */
const ALREADY_SENT = "x-hono-already-sent";

/** The fields of all drafts. Without the `X-RateLimit-` fields, which may come from other software. */
const OF_DRAFTS = ["RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

/** Sets fields before the route runs, because setting them afterwards costs far more. */
export function setFields<E extends Env>(c: Context<E>, fields: readonly HeaderField[]): void {
  for (const { name, value, append } of fields) {
    if (append) c.header(name, value, APPEND);
    else c.header(name, value);
  }
  const context = c as KeepingContext;
  const earlier = context[SENT];
  context[SENT] = earlier === undefined ? fields : joined(earlier, fields);
}

/**
 * Sets the fields of all limiters again if the route or an error handler did not create its response from the context. This
 * replaces RateLimit fields of an upstream server and, on cached responses, of another client. The response itself does not
 * change, because its headers may be immutable, or it may be returned again.
 */
export function restoreFields<E extends Env>(c: Context<E>): void {
  const sent = (c as KeepingContext)[SENT];
  if (sent === undefined || sent.length === 0 || !c.finalized) return;
  if (!hasAll(c.res.headers, sent)) replaceFields(c, sent);
}

function replaceFields<E extends Env>(c: Context<E>, sent: readonly HeaderField[]): void {
  const { res } = c;
  if (isOutOfReach(res)) return;
  const copy = copyOf(res);
  const { headers } = copy;
  for (const name of OF_DRAFTS) headers.delete(name);
  for (const { name, value } of sent) if (!(SHARED.has(name) && headers.has(name))) headers.set(name, value);
  // Hono copies the fields of an existing `c.res` to the next response.
  c.res = undefined;
  c.res = copy;
}

/** Copies a response with new headers. */
function copyOf(res: Response): Response {
  const copy = new Response(res.body, res);
  if (copy.headers !== res.headers) return copy;
  // @hono/node-server 1.14 to 2.0.0 reuses the immutable headers of a response of `fetch`.
  const { status, statusText } = res;
  return new Response(copy.body, { status, statusText, headers: new Headers(res.headers) });
}

function hasAll(headers: Headers, sent: readonly HeaderField[]): boolean {
  for (let i = 0; i < sent.length; i++) {
    const { name, value } = sent[i] as HeaderField;
    const found = headers.get(name);
    if (found !== value && (found === null || !SHARED.has(name))) return false;
  }
  return sent.length > 1 || hasNoOther(headers, sent);
}

/** If the store fails, the numbers are unknown, so the response must not have numbers from elsewhere. */
function hasNoOther(headers: Headers, [only]: readonly HeaderField[]): boolean {
  return !OF_DRAFTS.some((name) => name !== only?.name && headers.has(name));
}

/** Returns whether fields can't be added: upgrades, network errors, and responses that were already sent or read. */
function isOutOfReach(res: Response): boolean {
  if (res.status < 200 || res.status > 599 || res.headers.has(ALREADY_SENT)) return true;
  return res.bodyUsed || res.body?.locked === true;
}

function joined(earlier: readonly HeaderField[], fields: readonly HeaderField[]): readonly HeaderField[] {
  const byName = new Map(earlier.map((field) => [field.name, field]));
  for (const field of fields) {
    const before = field.append ? byName.get(field.name) : undefined;
    byName.set(field.name, before === undefined ? field : { ...field, value: `${before.value}, ${field.value}` });
  }
  return [...byName.values()];
}
