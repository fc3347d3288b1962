import type { HeaderField } from "@sluice/core/http";
import type { Context } from "koa";

/** The values kept for a context. */
export interface Kept {
  fields: readonly HeaderField[];
  /** The first error that reached the error handling, if any. */
  error: unknown;
}

const KEPT = Symbol("what is kept on errors");
const PREPARED = Symbol("keeps on errors");

interface KeepingContext {
  [KEPT]?: Kept;
  [PREPARED]?: true;
  onerror: Context["onerror"];
  readonly res: Context["res"];
}

/**
 * Keeps these fields on error responses, although Koa removes all fields before it answers an error. Overrides
 * `ctx.onerror`, because only it is called for all errors: of middleware, of a stream that is the body, and of the body's
 * JSON. The error may be any value, and does not change.
 */
export function keepOnError(ctx: Context, fields: readonly HeaderField[]): Readonly<Kept> {
  const context: KeepingContext = ctx;
  // Overridden once for each app. Doing it for each request would cost more than limiting the request.
  if (context[PREPARED] !== true) prepare(Object.getPrototypeOf(ctx));
  const kept = context[KEPT];
  if (kept === undefined) {
    context[KEPT] = { fields, error: undefined };
    return context[KEPT];
  }
  kept.fields = [...kept.fields, ...fields];
  return kept;
}

/** @param prototype the app's `context`, which is the prototype of each request's context */
function prepare(prototype: KeepingContext): void {
  const { onerror } = prototype;
  prototype[PREPARED] = true;
  prototype.onerror = function (this: Context & KeepingContext, error) {
    const kept = this[KEPT];
    // Koa calls this at the end of every response, nearly always without an error.
    if (kept === undefined || error === null || error === undefined) return onerror.call(this, error);
    kept.error ??= error;
    const { res } = this;
    const { removeHeader } = res;
    res.removeHeader = (name) => {
      if (!kept.fields.some((field) => field.name.toLowerCase() === name)) removeHeader.call(res, name);
    };
    try {
      onerror.call(this, error);
    } finally {
      res.removeHeader = removeHeader;
    }
  };
}
