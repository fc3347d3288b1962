import type { Limiter, Store } from "@sluice/core";
import { createGuard, type GuardOptions, type Rejection } from "@sluice/core/http";
import type { Request, RequestHandler } from "express";
import { type AnswerHandler, middlewareOf } from "./middleware.js";
import { port } from "./port.js";

/** Answers a rejected request. Status, `Retry-After` and the other fields are set already. */
export type RejectionHandler = AnswerHandler<Rejection>;

/** Options of {@link rateLimit}. Functions among them are given Express's request. */
export type RateLimitOptions = GuardOptions<Request, RejectionHandler>;

/**
 * Middleware for Express 4 and 5 that limits requests: by default 100 a second for each client address, as Express's
 * setting `trust proxy` tells it. It sets the RateLimit fields, puts the decision on `req.rateLimit`, where
 * {@link decisionOf} reads it, and answers
 * requests over the limit with 429 and a problem document.
 *
 * @param storeOrLimiter where to keep counts, or a limiter that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { rateLimit, slidingWindow } from "@sluice/express";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * app.use(rateLimit(memoryStore(), { policies: slidingWindow({ limit: 600, window: "1m" }) }));
 * ```
 */
export function rateLimit(storeOrLimiter: Store | Limiter, options: RateLimitOptions = {}): RequestHandler {
  return middlewareOf("rateLimit", createGuard(storeOrLimiter, options, port));
}
