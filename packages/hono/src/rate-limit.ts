import type { Limiter, Store } from "@sluice/core";
import {
  type CheckSource,
  checkStoreOrLimiter,
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
import type { Context, Env, MiddlewareHandler } from "hono";
import { type ConnectionOptions, portOf, withBodies } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

/** Options of {@link rateLimit}. Functions get Hono's context. */
export interface RateLimitOptions<E extends Env = Env>
  extends RateLimitOptionsOf<Context<E>, DenialHandler<LimitDenial, E>>,
    ConnectionOptions {}

/** Options of {@link guard}. Functions get Hono's context. */
export interface GuardOptions<D extends Denial = Denial, E extends Env = Env>
  extends GuardOptionsOf<Context<E>, DenialHandler<D, E>>,
    ConnectionOptions {}

/** Options of {@link limit}. Functions get Hono's context. */
export interface LimitOptions<E extends Env = Env> extends LimitOptionsOf<Context<E>> {}

/**
 * Middleware for Hono 4 that limits requests. Default: 100 a second for each client address, which `getConnInfo` returns.
 * It sets the RateLimit fields and puts the decision into the variable `rateLimit`, where `decisionOf` reads it. It answers
 * requests over the limit with 429 and a problem document.
 *
 * @param storeOrLimiter a store for the counts, or a limiter that other parts of the app use too
 * @throws SluiceError for any invalid option; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { rateLimit, slidingWindow } from "@sluice/hono";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * app.use(rateLimit(memoryStore(), slidingWindow({ limit: 600, window: "1m" }), { getConnInfo }));
 * ```
 */
export function rateLimit<E extends Env = Env>(
  storeOrLimiter: Store | Limiter,
  options?: RateLimitOptions<E>,
): MiddlewareHandler<E>;
export function rateLimit<E extends Env = Env>(
  store: Store,
  policies: Policies<Context<E>>,
  options?: RateLimitOptions<E>,
): MiddlewareHandler<E>;
export function rateLimit<E extends Env = Env>(
  storeOrLimiter: Store | Limiter,
  second?: Policies<Context<E>> | RateLimitOptions<E>,
  third?: RateLimitOptions<E>,
): MiddlewareHandler<E> {
  const { policies, options } = policiesAndOptions<Context<E>, RateLimitOptions<E>>(second, third);
  // Checked before the port, which throws for a missing getConnInfo: a call without a store usually lacks that too.
  checkStoreOrLimiter(storeOrLimiter);
  const { port, guardOptions } = portOf<E, RateLimitOptions<E>>(options, options.key !== undefined);
  return middlewareOf("rateLimit", createRateLimit(storeOrLimiter, policies, guardOptions, port), port);
}

/**
 * Middleware for Hono 4 that runs several checks on each request. It decides their claims in one admission, which charges
 * all or none. The first check in the list that denies supplies the answer. See `docs/write-a-check.md`.
 *
 * @throws SluiceError for any invalid option; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { guard, limit, slidingWindow, tokenBucket } from "@sluice/hono";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * const store = memoryStore();
 * const burst = limit(store, tokenBucket({ name: "burst", rate: 10 }));
 * const daily = limit(store, slidingWindow({ name: "daily", limit: 5_000, window: "1d" }), { cost: 2 });
 * app.use(guard([burst, daily], { getConnInfo }));
 * ```
 */
export function guard<E extends Env = Env, Source extends CheckSource<Context<E>> = CheckSource<Context<E>>>(
  checks: readonly Source[],
  options: GuardOptions<DenialOf<Source> | UnavailableDenial, E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf<E, typeof options>(options, options.key !== undefined || isKeyless(checks));
  return middlewareOf("guard", createGuard(checks, guardOptions, withBodies(port)), port);
}

/** Returns whether no check needs the client address. */
function isKeyless<E extends Env>(checks: readonly CheckSource<Context<E>>[]): boolean {
  return Array.isArray(checks) && checks.every((check) => typeof check === "object" && check.keyless === true);
}

/**
 * A check of {@link guard} that limits requests, by policies on a store or by a limiter that other parts of the app use
 * too.
 *
 * @throws SluiceError for any invalid option
 */
export const limit: {
  <E extends Env = Env>(
    storeOrLimiter: Store | Limiter,
    options?: LimitOptions<E>,
  ): CheckSource<Context<E>, LimitDenial>;
  <E extends Env = Env>(
    store: Store,
    policies: Policies<Context<E>>,
    options?: LimitOptions<E>,
  ): CheckSource<Context<E>, LimitDenial>;
} = limitOf;
