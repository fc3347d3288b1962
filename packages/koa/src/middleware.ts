import type { MaybePromise } from "@sluice/core";
import { type Answer, type Guard, isAboutLeaving, settleAtEnd, type Verdict } from "@sluice/core/http";
import type { Context, Middleware, Next } from "koa";
import { keepOnError } from "./keep-on-error.js";
import { port } from "./port.js";

/** Answers a request in place of a guard. */
export type AnswerHandler<A extends Answer> = (ctx: Context, next: Next, answer: A) => unknown;

/** Makes a guard's verdicts Koa's responses. */
export function middlewareOf<Found, A extends Answer>(
  name: string,
  guard: Guard<Context, AnswerHandler<A>, Found, A>,
): Middleware {
  function apply(verdict: Verdict<Found, A> | undefined, ctx: Context, next: Next): unknown {
    if (verdict === undefined) return next();
    const { decision, fields, rejection, settle } = verdict;
    ctx.state[guard.requestProperty] = decision;
    const { res } = ctx;
    const kept = keepOnError(ctx, fields);
    if (settle !== undefined) settleAtEnd(res, settle, () => kept.error);
    // Somebody else, such as a timeout, answered while the store was asked.
    if (res.headersSent) return rejection === undefined ? next() : undefined;
    for (const { name, value, append } of fields) {
      const earlier = append ? res.getHeader(name) : undefined;
      res.setHeader(name, earlier === undefined ? value : `${earlier}, ${value}`);
    }
    if (rejection === undefined) return next();
    ctx.status = rejection.status;
    if (guard.handler !== undefined) return guard.handler(ctx, next, rejection);
    ctx.set("Content-Type", rejection.contentType);
    ctx.body = rejection.body;
    return undefined;
  }

  /** A client that left is no error, and its request ends here: it would reach the route without having been limited. */
  function fail(error: unknown, ctx: Context): undefined {
    if (!isAboutLeaving(error, ctx, port)) throw error;
  }

  const middleware: Middleware = (ctx, next) => {
    let verdict: MaybePromise<Verdict<Found, A> | undefined>;
    try {
      verdict = guard.check(ctx);
    } catch (error) {
      return fail(error, ctx);
    }
    if (!(verdict instanceof Promise)) return apply(verdict, ctx, next);
    // Only errors of the guard, not those of the route.
    return verdict.then(
      (settled) => apply(settled, ctx, next),
      (error) => fail(error, ctx),
    );
  };
  return Object.defineProperty(middleware, "name", { value: name });
}
