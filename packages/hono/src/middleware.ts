import type { Answer, Decision, Guard, HeaderField, Verdict } from "@sluice/core";
import type { Context, Env, MiddlewareHandler, Next } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import { restoreFields, setFields } from "./fields.js";
import { settlerFor } from "./settle.js";

declare module "hono" {
  interface ContextVariableMap {
    /** What `rateLimit` or `protect` decided about this request; the last one, where several did. */
    rateLimit?: Decision;
  }
}

/** Answers a request in place of a guard. */
export type AnswerHandler<A extends Answer, E extends Env = Env> = (c: Context<E>, next: Next, answer: A) => unknown;

/** Makes a guard's verdicts Hono's responses. */
export function middlewareOf<Found, A extends Answer, E extends Env>(
  name: string,
  guard: Guard<Context<E>, AnswerHandler<A, E>, Found, A>,
): MiddlewareHandler<E> {
  function apply(verdict: Verdict<Found, A> | undefined, c: Context<E>, next: Next): Promise<Response | undefined> {
    if (verdict === undefined) return Promise.resolve(next()).then(() => undefined);
    const { decision, fields, rejection, settle } = verdict;
    c.set(guard.requestProperty as never, decision as never);
    const sent = setFields(c, fields);
    const settleLater = settle && settlerFor(c, settle);
    if (rejection !== undefined) return answer(rejection, c, next, sent);
    // Nearly every request comes here, and an async function would cost it more.
    return Promise.resolve(next()).then(() => {
      restoreFields(c, sent);
      settleLater?.();
      return undefined;
    });
  }

  async function answer(
    rejection: A,
    c: Context<E>,
    next: Next,
    sent: readonly HeaderField[],
  ): Promise<Response | undefined> {
    c.status(rejection.status as StatusCode);
    if (guard.handler === undefined) {
      return c.body(rejection.body, { headers: { "Content-Type": rejection.contentType } });
    }
    const response = await guard.handler(c, next, rejection);
    if (response instanceof Response) c.res = response;
    restoreFields(c, sent);
    return undefined;
  }

  const middleware = (c: Context<E>, next: Next): Promise<Response | undefined> => {
    const verdict = guard.check(c);
    return verdict instanceof Promise ? verdict.then((settled) => apply(settled, c, next)) : apply(verdict, c, next);
  };
  return Object.defineProperty(middleware, "name", { value: name }) as MiddlewareHandler<E>;
}
