import type { MaybePromise } from "@sluice/core";
import { type Answer, type Guard, type HttpPort, isAboutLeaving, type Verdict } from "@sluice/core/http";
import type { Context, Env, MiddlewareHandler, Next } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import { restoreFields, setFields } from "./fields.js";
import { settlerFor } from "./settle.js";

/** The status that nginx logs for it. Nobody receives it. */
const CLIENT_CLOSED_REQUEST = 499;

/** Answers a request in place of a guard. */
export type AnswerHandler<A extends Answer, E extends Env = Env> = (c: Context<E>, next: Next, answer: A) => unknown;

/** Makes a guard's verdicts Hono's responses. */
export function middlewareOf<Found, A extends Answer, E extends Env>(
  name: string,
  guard: Guard<Context<E>, AnswerHandler<A, E>, Found, A>,
  port: HttpPort<Context<E>>,
): MiddlewareHandler<E> {
  function apply(verdict: Verdict<Found, A> | undefined, c: Context<E>, next: Next): Promise<Response | undefined> {
    if (verdict === undefined) return Promise.resolve(next()).then(() => undefined);
    const { decision, fields, rejection, settle } = verdict;
    c.set(guard.requestProperty as never, decision as never);
    setFields(c, fields);
    const settleLater = settle && settlerFor(c, settle);
    if (rejection !== undefined) return answer(rejection, c, next);
    // Nearly every request comes here, and an async function would cost it more.
    return Promise.resolve(next()).then(() => {
      restoreFields(c);
      return settleLater?.();
    });
  }

  async function answer(rejection: A, c: Context<E>, next: Next): Promise<Response | undefined> {
    c.status(rejection.status as StatusCode);
    if (guard.handler === undefined) {
      return c.body(rejection.body, { headers: { "Content-Type": rejection.contentType } });
    }
    const response = await guard.handler(c, next, rejection);
    if (response instanceof Response) c.res = response;
    restoreFields(c);
    return undefined;
  }

  /** A client that left is no error, and its request ends here: it would reach the route without having been limited. */
  function fail(error: unknown, c: Context<E>): Response {
    if (isAboutLeaving(error, c, port)) return new Response(null, { status: CLIENT_CLOSED_REQUEST });
    throw error;
  }

  const middleware = (c: Context<E>, next: Next): Promise<Response | undefined> => {
    let verdict: MaybePromise<Verdict<Found, A> | undefined>;
    try {
      verdict = guard.check(c);
    } catch (error) {
      // Only Promises are expected, as of an async function.
      return new Promise((resolve) => resolve(fail(error, c)));
    }
    if (!(verdict instanceof Promise)) return apply(verdict, c, next);
    return verdict.then(
      (settled) => apply(settled, c, next),
      (error) => fail(error, c),
    );
  };
  return Object.defineProperty(middleware, "name", { value: name }) as MiddlewareHandler<E>;
}
