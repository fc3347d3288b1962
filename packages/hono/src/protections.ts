import type { Store } from "@sluice/core";
import type { CheckSource, UnavailableDenial } from "@sluice/core/http";
import * as of from "@sluice/protections";
import type { Context, Env, MiddlewareHandler } from "hono";
import { found, type VariableHolder } from "./found.js";
import { type ConnectionOptions, portOf, withBodies } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

// Functions among the options receive Hono's context.

/** Options of {@link blocked}. */
export type BlockedOptions<E extends Env = Env> = of.BlockedOptions<Context<E>>;
/** Options of {@link registered}. */
export type RegisteredOptions<E extends Env = Env> = of.RegisteredOptions<Context<E>>;
/** Options of {@link once}. */
export type OnceOptions<E extends Env = Env> = of.OnceOptions<Context<E>>;
/** Options of {@link blocklist}. */
export type BlocklistGuardOptions<E extends Env = Env> = of.BlocklistGuardOptions<
  Context<E>,
  DenialHandler<of.BlockedDenial | UnavailableDenial, E>
> &
  ConnectionOptions;
/** Options of {@link requireRegistered}. */
export type RequireRegisteredOptions<E extends Env = Env> = of.RequireRegisteredOptions<
  Context<E>,
  DenialHandler<of.UnregisteredDenial | UnavailableDenial, E>
>;
/** Options of {@link debounce}. */
export type DebounceGuardOptions<E extends Env = Env> = of.DebounceGuardOptions<
  Context<E>,
  DenialHandler<of.DuplicateDenial | UnavailableDenial, E>
> &
  ConnectionOptions;
/** Options of {@link protect}. */
export type ProtectOptions<E extends Env = Env> = of.ProtectOptions<Context<E>, DenialHandler<of.ProtectDenial, E>> &
  ConnectionOptions;

/** A check of `guard` that denies blocked clients with 403. */
export const blocked: <E extends Env = Env>(
  storeOrBlocklist: Store | of.Blocklist,
  options?: BlockedOptions<E>,
) => CheckSource<Context<E>, of.BlockedDenial> = of.blocked;

/** A check of `guard` that lets registered clients through, and denies others with 403. */
export const registered: <E extends Env = Env>(
  storeOrRegistry: Store | of.Registry,
  options: RegisteredOptions<E>,
) => CheckSource<Context<E>, of.UnregisteredDenial> = of.registered;

/** A check of `guard` that denies duplicates with 409. Its claim is decided together with those of the limits. */
export const once: <E extends Env = Env>(
  storeOrDebouncer: Store | of.Debouncer,
  options?: OnceOptions<E>,
) => CheckSource<Context<E>, of.DuplicateDenial | UnavailableDenial> = of.once;

/**
 * Middleware for Hono 4 that answers duplicates with 409. Duplicates are requests of one client with the same unsafe
 * method, path, query and body within a window. It reads bodies of up to 1 MiB, and the route can read them again.
 *
 * @param storeOrDebouncer a store for the windows, or a debouncer that other parts of the app use too
 * @throws SluiceError for any invalid option; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { debounce } from "@sluice/hono/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * app.post("/orders", debounce(memoryStore(), { getConnInfo, window: "10s" }), (c) => c.body(null, 201));
 * ```
 */
export function debounce<E extends Env = Env>(
  storeOrDebouncer: Store | of.Debouncer,
  options: DebounceGuardOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf<E, typeof options>(options, options.key !== undefined);
  return middlewareOf("debounce", of.createDebounceGuard(storeOrDebouncer, guardOptions, withBodies(port)), port);
}

/**
 * Middleware for Hono 4 that answers blocked clients with 403.
 *
 * @param storeOrBlocklist a store for the blocks, or a blocklist that other parts of the app use too
 * @throws SluiceError for any invalid option; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { blocklist } from "@sluice/hono/protections";
 * import { createBlocklist } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * const blocks = createBlocklist({ store: memoryStore() });
 * app.use(blocklist(blocks, { getConnInfo }));
 * await blocks.block("203.0.113.0/24", { for: "1d" });
 * ```
 */
export function blocklist<E extends Env = Env>(
  storeOrBlocklist: Store | of.Blocklist,
  options: BlocklistGuardOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf<E, typeof options>(options, options.key !== undefined);
  return middlewareOf("blocklist", of.createBlocklistGuard(storeOrBlocklist, guardOptions, withBodies(port)), port);
}

/**
 * Middleware for Hono 4 that lets registered clients through and answers others with 403. It puts the client into the
 * variable `registeredClient`, where {@link registeredClientOf} reads it.
 *
 * @param storeOrRegistry a store for the clients, or a registry that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { requireRegistered } from "@sluice/hono/protections";
 * import { createRegistry } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * const registry = createRegistry({ store: memoryStore() });
 * app.use(requireRegistered(registry, { id: (c) => c.req.header("x-api-key") }));
 * ```
 */
export function requireRegistered<E extends Env = Env>(
  storeOrRegistry: Store | of.Registry,
  options: RequireRegisteredOptions<E>,
): MiddlewareHandler<E> {
  // No connection is needed: `id` identifies the client.
  const { port } = portOf<E, ConnectionOptions>({}, true);
  return middlewareOf("requireRegistered", of.createRegistryGuard(storeOrRegistry, options, port), port);
}

/**
 * Middleware for Hono 4 with all protections in one admission: 403 for blocked and unregistered clients, 409 for
 * duplicates, 429 over a limit. It sets the RateLimit fields and puts the limiter's decision into the variable `rateLimit`,
 * where `decisionOf` reads it. It reads bodies of up to 1 MiB, and the route can read them again.
 *
 * @throws SluiceError for any invalid option; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { protect } from "@sluice/hono/protections";
 * import { createProtections } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * app.use(protect(createProtections({ store: memoryStore(), debounce: { window: "5s" } }), { getConnInfo }));
 * ```
 */
export function protect<E extends Env = Env>(
  protections: of.Protections,
  options: ProtectOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf<E, typeof options>(options, options.key !== undefined);
  return middlewareOf("protect", of.createProtectGuard(protections, guardOptions, withBodies(port)), port);
}

/** Returns the result of `debounce` for a request. `undefined` if it did not check the request. */
export function sightingOf(c: VariableHolder, requestProperty = "debounce"): of.Sighting | undefined {
  return found(c, requestProperty);
}

/** Returns the client that `requireRegistered` let through. `undefined` if it skipped the request. */
export function registeredClientOf(c: VariableHolder, requestProperty = "registeredClient"): of.Client | undefined {
  return found(c, requestProperty);
}
