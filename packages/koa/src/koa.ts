import type { Limiter, Store } from "@sluice/core";
import { createGuard, type GuardOptions, type Rejection } from "@sluice/core/http";
import type { Context, Middleware } from "koa";
import { type AnswerHandler, middlewareOf } from "./middleware.js";
import { port } from "./port.js";

/** Answers a rejected request. Status, `Retry-After` and the other fields are set already. */
export type RejectionHandler = AnswerHandler<Rejection>;

/** Options of {@link rateLimit}. Functions among them are given Koa's context. */
export type RateLimitOptions = GuardOptions<Context, RejectionHandler>;

/**
 * Middleware for Koa 2 and 3 that limits requests: by default 100 a second for each client address, as Koa's settings
 * `proxy` and `maxIpsCount` tell it. It sets the RateLimit fields, puts the decision on `ctx.state.rateLimit`,
 * where {@link decisionOf} reads it, and
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
  return middlewareOf("rateLimit", createGuard(storeOrLimiter, options, port));
}
