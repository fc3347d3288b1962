import { type Answer, type Decision, type Guard, outcomeOf, type Verdict } from "@sluice/core";
import type { Context, Middleware, Next } from "koa";
import { keepOnError } from "./keep-on-error.js";

declare module "koa" {
  interface DefaultState {
    /** What `rateLimit` or `protect` decided about this request; the last one, where several did. */
    rateLimit?: Decision;
  }
}

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
    if (settle !== undefined) res.once("close", () => settle(outcomeOf(res, kept.error)));
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

  const middleware: Middleware = (ctx, next) => {
    const verdict = guard.check(ctx);
    return verdict instanceof Promise
      ? verdict.then((settled) => apply(settled, ctx, next))
      : apply(verdict, ctx, next);
  };
  return Object.defineProperty(middleware, "name", { value: name });
}
