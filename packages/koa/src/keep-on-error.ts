import type { HeaderField } from "@sluice/core/http";
import type { Context } from "koa";

/** The values that are kept for a context. */
export interface Kept {
  fields: readonly HeaderField[];
  /** The first error that the error handling got, if any. */
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
 * Koa answers an error after removing all fields from the response. These fields stay, whatever failed: middleware, a
 * stream that is the body, or the body's JSON. Only `ctx.onerror` is called for all of them. The error itself may be
 * anything, and is not changed.
 */
export function keepOnError(ctx: Context, fields: readonly HeaderField[]): Readonly<Kept> {
  const context: KeepingContext = ctx;
  // A function for each app, and not for each request, which would cost more than limiting it.
  if (context[PREPARED] !== true) prepare(Object.getPrototypeOf(ctx));
  const kept = context[KEPT];
  if (kept === undefined) {
    context[KEPT] = { fields, error: undefined };
    return context[KEPT];
  }
  kept.fields = [...kept.fields, ...fields];
  return kept;
}

/** @param prototype the app's `context`, from which it creates the one of each request */
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
