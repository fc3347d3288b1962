import type { HeaderField } from "@sluice/core";
import type { Context } from "koa";

/** What the error handling was given. */
export interface Failure {
  error: unknown;
}

const NONE: Readonly<Failure> = { error: undefined };

/**
 * Koa answers an error after taking all fields off the response. These stay, whatever failed: middleware, a stream that
 * is the body, or the body's JSON, of which only `ctx.onerror` hears. The error itself may be anything, and is left alone.
 *
 * @param noted whether the error is wanted as well
 */
export function keepOnError(ctx: Context, fields: readonly HeaderField[], noted: boolean): Readonly<Failure> {
  if (fields.length === 0 && !noted) return NONE;
  const { onerror, res } = ctx;
  const failure: Failure = { error: undefined };
  ctx.onerror = (error) => {
    failure.error ??= error ?? undefined;
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
  return failure;
}
