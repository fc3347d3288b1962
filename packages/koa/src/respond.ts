import type { MaybePromise } from "@sluice/core";
import { type Denial, type Guard, isAboutLeaving, type Settle, settleAtEnd, type Verdict } from "@sluice/core/http";
import type { Context, Middleware, Next } from "koa";
import { type Kept, keepOnError } from "./keep-on-error.js";
import { port } from "./port.js";

/** Answers a denied request. Status and fields are already set. */
export type DenialHandler<D extends Denial = Denial> = (ctx: Context, next: Next, denial: D) => unknown;

function settleWith(kept: Readonly<Kept>, res: Context["res"], settle: Settle): void {
  settleAtEnd(res, settle, () => kept.error);
}

/** Converts a guard's verdicts to Koa responses. */
export function middlewareOf<D extends Denial>(name: string, guard: Guard<Context, DenialHandler<D>, D>): Middleware {
  const { properties } = guard;

  function apply(verdict: Verdict<D> | undefined, ctx: Context, next: Next): unknown {
    if (verdict === undefined) return next();
    const { found, others, fields, denial, settle } = verdict;
    for (let i = 0; i < properties.length; i++) {
      const value = i === 0 ? found : others?.[i - 1];
      if (value !== undefined) ctx.state[properties[i] as string] = value;
    }
    const { res } = ctx;
    const kept = keepOnError(ctx, fields);
    if (settle !== undefined) settleWith(kept, res, settle);
    // The response was already sent by something else, such as a timeout, while the store was asked.
    if (res.headersSent) return denial === undefined ? next() : undefined;
    for (const { name, value, append } of fields) {
      const earlier = append ? res.getHeader(name) : undefined;
      res.setHeader(name, earlier === undefined ? value : `${earlier}, ${value}`);
    }
    if (denial === undefined) return next();
    ctx.status = denial.status;
    if (guard.handler !== undefined) return guard.handler(ctx, next, denial);
    ctx.set("Content-Type", denial.contentType);
    ctx.body = denial.body;
    return undefined;
  }

  /**
   * A client that left is not an error. But its request must end here, or it would reach the route without being limited.
   */
  function fail(error: unknown, ctx: Context): undefined {
    if (!isAboutLeaving(error, ctx, port)) throw error;
  }

  // A separate function: if this code were inline, every call would pay for its closures.
  function applyLater(verdict: Promise<Verdict<D> | undefined>, ctx: Context, next: Next): Promise<unknown> {
    // Handles errors of the guard only, not those of the route.
    return verdict.then(
      (settled) => apply(settled, ctx, next),
      (error) => fail(error, ctx),
    );
  }

  const middleware: Middleware = (ctx, next) => {
    let verdict: MaybePromise<Verdict<D> | undefined>;
    try {
      verdict = guard.check(ctx);
    } catch (error) {
      return fail(error, ctx);
    }
    return verdict instanceof Promise ? applyLater(verdict, ctx, next) : apply(verdict, ctx, next);
  };
  return Object.defineProperty(middleware, "name", { value: name });
}
