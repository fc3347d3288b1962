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
import type { Context, Middleware } from "koa";
import { port } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

/** Options of {@link rateLimit}. Functions get Koa's context. */
export interface RateLimitOptions extends RateLimitOptionsOf<Context, DenialHandler<LimitDenial>> {}

/** Options of {@link guard}. Functions get Koa's context. */
export interface GuardOptions<D extends Denial = Denial> extends GuardOptionsOf<Context, DenialHandler<D>> {}

/** Options of {@link limit}. Functions get Koa's context. */
export interface LimitOptions extends LimitOptionsOf<Context> {}

/**
 * Middleware for Koa 2 and 3 that limits requests. Default: 100 a second for each client address, which Koa finds by its
 * settings `proxy` and `maxIpsCount`. It sets the RateLimit fields and puts the decision on `ctx.state.rateLimit`, where
 * `decisionOf` reads it. It answers requests over the limit with 429 and a problem document.
 *
 * @param storeOrLimiter a store for the counts, or a limiter that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { rateLimit, slidingWindow } from "@sluice/koa";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * app.use(rateLimit(memoryStore(), slidingWindow({ limit: 600, window: "1m" })));
 * ```
 */
export function rateLimit(storeOrLimiter: Store | Limiter, options?: RateLimitOptions): Middleware;
export function rateLimit(store: Store, policies: Policies<Context>, options?: RateLimitOptions): Middleware;
export function rateLimit(
  storeOrLimiter: Store | Limiter,
  second?: Policies<Context> | RateLimitOptions,
  third?: RateLimitOptions,
): Middleware {
  const { policies, options } = policiesAndOptions<Context, RateLimitOptions>(second, third);
  return middlewareOf("rateLimit", createRateLimit(storeOrLimiter, policies, options, port));
}

/**
 * Middleware for Koa 2 and 3 that runs several checks on each request. It decides their claims in one admission, which
 * charges all or none. The first check in the list that denies supplies the answer. See `docs/write-a-check.md`.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { guard, limit, slidingWindow, tokenBucket } from "@sluice/koa";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * const store = memoryStore();
 * const burst = limit(store, tokenBucket({ name: "burst", rate: 10 }));
 * const daily = limit(store, slidingWindow({ name: "daily", limit: 5_000, window: "1d" }), { cost: 2 });
 * app.use(guard([burst, daily]));
 * ```
 */
export function guard<Source extends CheckSource<Context>>(
  checks: readonly Source[],
  options: GuardOptions<DenialOf<Source> | UnavailableDenial> = {},
): Middleware {
  return middlewareOf("guard", createGuard(checks, options, port));
}

/**
 * A check of {@link guard} that limits requests, by policies on a store or by a limiter that other parts of the app use
 * too.
 *
 * @throws SluiceError for any invalid option
 */
export const limit: {
  (storeOrLimiter: Store | Limiter, options?: LimitOptions): CheckSource<Context, LimitDenial>;
  (store: Store, policies: Policies<Context>, options?: LimitOptions): CheckSource<Context, LimitDenial>;
} = limitOf;
