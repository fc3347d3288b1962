import type { HeaderField } from "@sluice/core";
import type { Context } from "koa";

/**
 * Koa answers an error after taking all fields off the response. These stay, whatever failed: middleware, a stream that
 * is the body, or the body's JSON, of which only `ctx.onerror` hears. The error itself may be anything, and is left alone.
 */
export function keepOnError(ctx: Context, fields: readonly HeaderField[]): void {
  if (fields.length === 0) return;
  const { onerror, res } = ctx;
  ctx.onerror = (error) => {
    const { removeHeader } = res;
    res.removeHeader = (name) => {
      if (!fields.some((field) => field.name.toLowerCase() === name)) removeHeader.call(res, name);
    };
    try {
      onerror.call(ctx, error);
    } finally {
      res.removeHeader = removeHeader;
    }
  };
}
