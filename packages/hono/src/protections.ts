import type { Store } from "@sluice/core";
import type { CheckSource, UnavailableDenial } from "@sluice/core/http";
import {
  type BlockedDenial,
  type BlockedOptions as BlockedOptionsOf,
  type Blocklist,
  type BlocklistGuardOptions as BlocklistGuardOptionsOf,
  blocked as blockedOf,
  type Client,
  createBlocklistGuard,
  createDebounceGuard,
  createProtectGuard,
  createRegistryGuard,
  type DebounceGuardOptions as DebounceGuardOptionsOf,
  type Debouncer,
  type DuplicateDenial,
  type OnceOptions as OnceOptionsOf,
  once as onceOf,
  type ProtectDenial,
  type Protections,
  type ProtectOptions as ProtectOptionsOf,
  type RegisteredOptions as RegisteredOptionsOf,
  type Registry,
  type RequireRegisteredOptions as RequireRegisteredOptionsOf,
  registered as registeredOf,
  type Sighting,
  type UnregisteredDenial,
} from "@sluice/protections";
import type { Context, Env, MiddlewareHandler } from "hono";
import { found, type VariableHolder } from "./found.js";
import { type ConnectionOptions, portOf, withBodies } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

/** Options of {@link blocked}. Functions among them get Hono's context. */
export interface BlockedOptions<E extends Env = Env> extends BlockedOptionsOf<Context<E>> {}

/** Options of {@link registered}. Functions among them get Hono's context. */
export interface RegisteredOptions<E extends Env = Env> extends RegisteredOptionsOf<Context<E>> {}

/** Options of {@link once}. Functions among them get Hono's context. */
export interface OnceOptions<E extends Env = Env> extends OnceOptionsOf<Context<E>> {}

/** Options of {@link blocklist}. Functions among them get Hono's context. */
export interface BlocklistGuardOptions<E extends Env = Env>
  extends BlocklistGuardOptionsOf<Context<E>, DenialHandler<BlockedDenial | UnavailableDenial, E>>,
    ConnectionOptions {}

/** Options of {@link requireRegistered}. Functions among them get Hono's context. */
export interface RequireRegisteredOptions<E extends Env = Env>
  extends RequireRegisteredOptionsOf<Context<E>, DenialHandler<UnregisteredDenial | UnavailableDenial, E>> {}

/** Options of {@link debounce}. Functions among them get Hono's context. */
export interface DebounceGuardOptions<E extends Env = Env>
  extends DebounceGuardOptionsOf<Context<E>, DenialHandler<DuplicateDenial | UnavailableDenial, E>>,
    ConnectionOptions {}

/** Options of {@link protect}. Functions among them get Hono's context. */
export interface ProtectOptions<E extends Env = Env>
  extends ProtectOptionsOf<Context<E>, DenialHandler<ProtectDenial, E>>,
    ConnectionOptions {}

/**
 * A check of `guard` that denies blocked clients with 403.
 *
 * @throws SluiceError for any invalid option
 */
export const blocked: <E extends Env = Env>(
  storeOrBlocklist: Store | Blocklist,
  options?: BlockedOptions<E>,
) => CheckSource<Context<E>, BlockedDenial> = blockedOf;

/**
 * A check of `guard` that lets registered clients through, and denies others with 403.
 *
 * @throws SluiceError for any invalid option
 */
export const registered: <E extends Env = Env>(
  storeOrRegistry: Store | Registry,
  options: RegisteredOptions<E>,
) => CheckSource<Context<E>, UnregisteredDenial> = registeredOf;

/**
 * A check of `guard` that denies duplicates with 409. Its claim is decided together with those of the limits.
 *
 * @throws SluiceError for any invalid option
 */
export const once: <E extends Env = Env>(
  storeOrDebouncer: Store | Debouncer,
  options?: OnceOptions<E>,
) => CheckSource<Context<E>, DuplicateDenial | UnavailableDenial> = onceOf;

/**
 * Middleware for Hono 4 that answers duplicates with 409: requests of one client with the same unsafe method, path, query
 * and body within a window. Bodies of up to 1 MiB are read, and the route can read them again.
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
  storeOrDebouncer: Store | Debouncer,
  options: DebounceGuardOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf<E, typeof options>(options, options.key !== undefined);
  return middlewareOf("debounce", createDebounceGuard(storeOrDebouncer, guardOptions, withBodies(port)), port);
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
  storeOrBlocklist: Store | Blocklist,
  options: BlocklistGuardOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf<E, typeof options>(options, options.key !== undefined);
  return middlewareOf("blocklist", createBlocklistGuard(storeOrBlocklist, guardOptions, withBodies(port)), port);
}

/**
 * Middleware for Hono 4 that lets registered clients through, and answers others with 403. It puts the client into the
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
  storeOrRegistry: Store | Registry,
  options: RequireRegisteredOptions<E>,
): MiddlewareHandler<E> {
  // The app says who a client is.
  const { port } = portOf<E, ConnectionOptions>({}, true);
  return middlewareOf("requireRegistered", createRegistryGuard(storeOrRegistry, options, port), port);
}

/**
 * Middleware for Hono 4 with all protections in one admission: 403 for blocked and unregistered clients, 409 for
 * duplicates, 429 over a limit. It sets the RateLimit fields, and puts the limiter's decision into the
 * variable `rateLimit`, where
 * `decisionOf` reads it. Bodies of up to 1 MiB are read, and the route can read them again.
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
  protections: Protections,
  options: ProtectOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portOf<E, typeof options>(options, options.key !== undefined);
  return middlewareOf("protect", createProtectGuard(protections, guardOptions, withBodies(port)), port);
}

/** Returns what `debounce` found out about a request; `undefined` if it did not look at it. */
export function sightingOf(c: VariableHolder, requestProperty = "debounce"): Sighting | undefined {
  return found(c, requestProperty);
}

/** Returns the client that `requireRegistered` let through; `undefined` for a request that it skipped. */
export function registeredClientOf(c: VariableHolder, requestProperty = "registeredClient"): Client | undefined {
  return found(c, requestProperty);
}
