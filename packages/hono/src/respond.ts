import type { MaybePromise } from "@sluice/core";
import { type Denial, type Guard, type HttpPort, isAboutLeaving, type Verdict } from "@sluice/core/http";
import type { Context, Env, MiddlewareHandler, Next } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import { restoreFields, setFields } from "./fields.js";
import { settlerFor } from "./settle.js";

/** nginx's status for a client that left. No client receives it. */
const CLIENT_CLOSED_REQUEST = 499;

/** Answers a denied request. Status and fields are already set. */
export type DenialHandler<D extends Denial = Denial, E extends Env = Env> = (
  c: Context<E>,
  next: Next,
  denial: D,
) => unknown;

/** Converts a guard's verdicts to Hono responses. */
export function middlewareOf<D extends Denial, E extends Env>(
  name: string,
  guard: Guard<Context<E>, DenialHandler<D, E>, D>,
  port: HttpPort<Context<E>>,
): MiddlewareHandler<E> {
  const { properties } = guard;

  function apply(verdict: Verdict<D> | undefined, c: Context<E>, next: Next): Promise<Response | undefined> {
    if (verdict === undefined) return Promise.resolve(next()).then(() => undefined);
    const { found, others, fields, denial, settle } = verdict;
    for (let i = 0; i < properties.length; i++) {
      const value = i === 0 ? found : others?.[i - 1];
      if (value !== undefined) c.set(properties[i] as never, value as never);
    }
    setFields(c, fields);
    const settleLater = settle && settlerFor(c, settle);
    if (denial !== undefined) return answer(denial, c, next);
    // Nearly every request takes this path, and an async function would make it slower.
    return Promise.resolve(next()).then(() => {
      restoreFields(c);
      return settleLater?.();
    });
  }

  async function answer(denial: D, c: Context<E>, next: Next): Promise<Response | undefined> {
    c.status(denial.status as StatusCode);
    if (guard.handler === undefined) {
      return c.body(denial.body, { headers: { "Content-Type": denial.contentType } });
    }
    const response = await guard.handler(c, next, denial);
    if (response instanceof Response) c.res = response;
    restoreFields(c);
    return undefined;
  }

  /**
   * A client that left is not an error. But its request must end here, or it would reach the route without being limited.
   */
  function fail(error: unknown, c: Context<E>): Response {
    if (isAboutLeaving(error, c, port)) return new Response(null, { status: CLIENT_CLOSED_REQUEST });
    throw error;
  }

  /** Returns a promise, because callers expect middleware to be asynchronous. */
  async function rejected(error: unknown, c: Context<E>): Promise<Response> {
    return fail(error, c);
  }

  // A separate function: if this code were inline, every call would pay for its closures.
  function applyLater(
    verdict: Promise<Verdict<D> | undefined>,
    c: Context<E>,
    next: Next,
  ): Promise<Response | undefined> {
    return verdict.then(
      (settled) => apply(settled, c, next),
      (error) => fail(error, c),
    );
  }

  const middleware = (c: Context<E>, next: Next): Promise<Response | undefined> => {
    let verdict: MaybePromise<Verdict<D> | undefined>;
    try {
      verdict = guard.check(c);
    } catch (error) {
      return rejected(error, c);
    }
    return verdict instanceof Promise ? applyLater(verdict, c, next) : apply(verdict, c, next);
  };
  return Object.defineProperty(middleware, "name", { value: name }) as MiddlewareHandler<E>;
}
