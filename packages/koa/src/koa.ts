import {
  createGuard,
  type Decision,
  type GuardOptions,
  type HttpPort,
  type Limiter,
  type Rejection,
  type Store,
  type Verdict,
} from "@sluice/core";
import type { Context, Middleware, Next } from "koa";
import { keepOnError } from "./keep-on-error.js";

declare module "koa" {
  interface DefaultState {
    /** What `rateLimit` decided about this request; the last one, where several did. */
    rateLimit?: Decision;
  }
}

/** Answers a rejected request. Status, `Retry-After` and the other fields are set already. */
export type RejectionHandler = (ctx: Context, next: Next, rejection: Rejection) => unknown;

/** Options of {@link rateLimit}. Functions among them are given Koa's context. */
export type RateLimitOptions = GuardOptions<Context, RejectionHandler>;

const port: HttpPort<Context> = {
  method: (ctx) => ctx.method,
  header: (ctx, name) => ctx.req.headers[name]?.toString(),
  address: (ctx) => ctx.ip,
  proxyTrust({ app }) {
    if (!app.proxy) return "nobody";
    // Without a count Koa takes the first address, which the client writes.
    return app.maxIpsCount > 0 || app.proxyIpHeader.toLowerCase() !== "x-forwarded-for" ? "some" : "everyone";
  },
  handlerFrame: /koa-compose/,
};

/**
 * Middleware for Koa 2 and 3 that limits requests: by default 100 a second for each client address, as Koa's settings
 * `proxy` and `maxIpsCount` tell it. It sets the RateLimit fields, puts the decision on `ctx.state.rateLimit`, and
 * answers requests over the limit with 429 and a problem document.
 *
 * @param storeOrLimiter where to keep counts, or a limiter that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { rateLimit, slidingWindow } from "@sluice/koa";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * app.use(rateLimit(memoryStore(), { policies: slidingWindow({ limit: 600, window: "1m" }) }));
 * ```
 */
export function rateLimit(storeOrLimiter: Store | Limiter, options: RateLimitOptions = {}): Middleware {
  const guard = createGuard(storeOrLimiter, options, port);

  function apply(verdict: Verdict | undefined, ctx: Context, next: Next): unknown {
    if (verdict === undefined) return next();
    const { decision, fields, rejection, settle } = verdict;
    ctx.state[guard.requestProperty] = decision;
    const { res } = ctx;
    const kept = keepOnError(ctx, fields);
    if (settle !== undefined) {
      res.once("close", () => settle({ status: res.statusCode, aborted: !res.writableFinished, error: kept.error }));
    }
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

  return function rateLimit(ctx, next) {
    const verdict = guard.check(ctx);
    return verdict instanceof Promise
      ? verdict.then((settled) => apply(settled, ctx, next))
      : apply(verdict, ctx, next);
  };
}
