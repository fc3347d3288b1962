import type { Limiter, Store } from "@sluice/core";
import {
  type CheckSource,
  createGuard,
  createRateLimit,
  type Denial,
  type DenialOf,
  type GuardOptionsOf,
  type LimitDenial,
  type LimitOptionsOf,
  limit as limitOf,
  type Policies,
  policiesAndOptions,
  type RateLimitOptionsOf,
  type UnavailableDenial,
} from "@sluice/core/http";
import type { Request, RequestHandler } from "express";
import { port } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

/** Options of {@link rateLimit}. Functions get Express's request. */
export interface RateLimitOptions extends RateLimitOptionsOf<Request, DenialHandler<LimitDenial>> {}

/** Options of {@link guard}. Functions get Express's request. */
export interface GuardOptions<D extends Denial = Denial> extends GuardOptionsOf<Request, DenialHandler<D>> {}

/** Options of {@link limit}. Functions get Express's request. */
export interface LimitOptions extends LimitOptionsOf<Request> {}

/**
 * Middleware for Express 4 and 5 that limits requests. Default: 100 a second for each client address, which Express finds
 * by its setting `trust proxy`. It sets the RateLimit fields and puts the decision on `req.rateLimit`, where `decisionOf`
 * reads it. It answers requests over the limit with 429 and a problem document.
 *
 * @param storeOrLimiter a store for the counts, or a limiter that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { rateLimit, slidingWindow } from "@sluice/express";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * app.use(rateLimit(memoryStore(), slidingWindow({ limit: 600, window: "1m" })));
 * ```
 */
export function rateLimit(storeOrLimiter: Store | Limiter, options?: RateLimitOptions): RequestHandler;
export function rateLimit(store: Store, policies: Policies<Request>, options?: RateLimitOptions): RequestHandler;
export function rateLimit(
  storeOrLimiter: Store | Limiter,
  second?: Policies<Request> | RateLimitOptions,
  third?: RateLimitOptions,
): RequestHandler {
  const { policies, options } = policiesAndOptions<Request, RateLimitOptions>(second, third);
  return middlewareOf("rateLimit", createRateLimit(storeOrLimiter, policies, options, port));
}

/**
 * Middleware for Express 4 and 5 that runs several checks on each request. It decides their claims in one admission, which
 * charges all or none. The first check in the list that denies supplies the answer. See `docs/write-a-check.md`.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { guard, limit, slidingWindow, tokenBucket } from "@sluice/express";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * const store = memoryStore();
 * const burst = limit(store, tokenBucket({ name: "burst", rate: 10 }));
 * const daily = limit(store, slidingWindow({ name: "daily", limit: 5_000, window: "1d" }), { cost: 2 });
 * app.use(guard([burst, daily]));
 * ```
 */
export function guard<Source extends CheckSource<Request>>(
  checks: readonly Source[],
  options: GuardOptions<DenialOf<Source> | UnavailableDenial> = {},
): RequestHandler {
  return middlewareOf("guard", createGuard(checks, options, port));
}

/**
 * A check of {@link guard} that limits requests, by policies on a store or by a limiter that other parts of the app use
 * too.
 *
 * @throws SluiceError for any invalid option
 */
export const limit: {
  (storeOrLimiter: Store | Limiter, options?: LimitOptions): CheckSource<Request, LimitDenial>;
  (store: Store, policies: Policies<Request>, options?: LimitOptions): CheckSource<Request, LimitDenial>;
} = limitOf;
