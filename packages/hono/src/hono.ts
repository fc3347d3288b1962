import { createGuard, type Decision, type Limiter, type Store, type Verdict } from "@sluice/core";
import type { Context, Env, MiddlewareHandler, Next } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import { restoreFields, setFields } from "./fields.js";
import { portOf, type RateLimitOptions } from "./options.js";
import { settlerFor } from "./settle.js";

declare module "hono" {
  interface ContextVariableMap {
    /** What `rateLimit` decided about this request; the last one, where several did. */
    rateLimit?: Decision;
  }
}

/**
 * Middleware for Hono 4 that limits requests: by default 100 a second for each client address, as `getConnInfo` tells it.
 * It sets the RateLimit fields, puts the decision on `c.var.rateLimit`, and answers requests over the limit with 429 and
 * a problem document.
 *
 * @param storeOrLimiter where to keep counts, or a limiter that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { rateLimit, slidingWindow } from "@sluice/hono";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * app.use(rateLimit(memoryStore(), { getConnInfo, policies: slidingWindow({ limit: 600, window: "1m" }) }));
 * ```
 */
export function rateLimit<E extends Env = Env>(
  storeOrLimiter: Store | Limiter,
  options: RateLimitOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf(options);
  const guard = createGuard(storeOrLimiter, guardOptions, port);

  async function apply(verdict: Verdict | undefined, c: Context<E>, next: Next): Promise<Response | undefined> {
    if (verdict === undefined) {
      await next();
      return undefined;
    }
    const { decision, fields, rejection, settle } = verdict;
    c.set(guard.requestProperty as never, decision as never);
    const sent = setFields(c, fields);
    const settleLater = settle && settlerFor(c, settle);
    if (rejection === undefined) {
      await next();
    } else {
      c.status(rejection.status as StatusCode);
      if (guard.handler === undefined)
        return c.body(rejection.body, { headers: { "Content-Type": rejection.contentType } });
      const response = await guard.handler(c, next, rejection);
      if (response instanceof Response) c.res = response;
    }
    restoreFields(c, sent);
    settleLater?.();
    return undefined;
  }

  return function rateLimit(c, next) {
    const verdict = guard.check(c);
    return verdict instanceof Promise ? verdict.then((settled) => apply(settled, c, next)) : apply(verdict, c, next);
  } as MiddlewareHandler<E>;
}
