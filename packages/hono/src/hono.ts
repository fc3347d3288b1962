import type { Limiter, Store } from "@sluice/core";
import { createGuard } from "@sluice/core/http";
import type { Env, MiddlewareHandler } from "hono";
import { middlewareOf } from "./middleware.js";
import type { RateLimitOptions } from "./options.js";
import { portOf } from "./port.js";

/**
 * Middleware for Hono 4 that limits requests: by default 100 a second for each client address, as `getConnInfo` tells it.
 * It sets the RateLimit fields, puts the decision into the variable `rateLimit`, where {@link decisionOf} reads it, and
 * answers requests over the limit with 429 and a problem document.
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
  const { port, guardOptions } = portOf<E, RateLimitOptions<E>>(options, options.key !== undefined);
  return middlewareOf("rateLimit", createGuard(storeOrLimiter, guardOptions, port), port);
}
