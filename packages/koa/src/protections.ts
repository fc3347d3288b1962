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
import type { Context, Middleware } from "koa";
import { found, type StateHolder } from "./found.js";
import { port } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

/** Options of {@link blocked}. Functions among them get Koa's context. */
export interface BlockedOptions extends BlockedOptionsOf<Context> {}

/** Options of {@link registered}. Functions among them get Koa's context. */
export interface RegisteredOptions extends RegisteredOptionsOf<Context> {}

/** Options of {@link once}. Functions among them get Koa's context. */
export interface OnceOptions extends OnceOptionsOf<Context> {}

/** Options of {@link blocklist}. Functions among them get Koa's context. */
export interface BlocklistGuardOptions
  extends BlocklistGuardOptionsOf<Context, DenialHandler<BlockedDenial | UnavailableDenial>> {}

/** Options of {@link requireRegistered}. Functions among them get Koa's context. */
export interface RequireRegisteredOptions
  extends RequireRegisteredOptionsOf<Context, DenialHandler<UnregisteredDenial | UnavailableDenial>> {}

/** Options of {@link debounce}. Functions among them get Koa's context. */
export interface DebounceGuardOptions
  extends DebounceGuardOptionsOf<Context, DenialHandler<DuplicateDenial | UnavailableDenial>> {}

/** Options of {@link protect}. Functions among them get Koa's context. */
export interface ProtectOptions extends ProtectOptionsOf<Context, DenialHandler<ProtectDenial>> {}

/**
 * A check of `guard` that denies blocked clients with 403.
 *
 * @throws SluiceError for any invalid option
 */
export const blocked: (
  storeOrBlocklist: Store | Blocklist,
  options?: BlockedOptions,
) => CheckSource<Context, BlockedDenial> = blockedOf;

/**
 * A check of `guard` that lets registered clients through, and denies others with 403.
 *
 * @throws SluiceError for any invalid option
 */
export const registered: (
  storeOrRegistry: Store | Registry,
  options: RegisteredOptions,
) => CheckSource<Context, UnregisteredDenial> = registeredOf;

/**
 * A check of `guard` that denies duplicates with 409. Its claim is decided together with those of the limits.
 *
 * @throws SluiceError for any invalid option
 */
export const once: (
  storeOrDebouncer: Store | Debouncer,
  options?: OnceOptions,
) => CheckSource<Context, DuplicateDenial | UnavailableDenial> = onceOf;

/**
 * Middleware for Koa 2 and 3 that answers duplicates with 409: requests of one client with the same unsafe method, path, query
 * and body within a window. Put it after what parses bodies.
 *
 * @param storeOrDebouncer a store for the windows, or a debouncer that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { debounce } from "@sluice/koa/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * app.use(debounce(memoryStore(), { window: "10s" }));
 * ```
 */
export function debounce(storeOrDebouncer: Store | Debouncer, options: DebounceGuardOptions = {}): Middleware {
  return middlewareOf("debounce", createDebounceGuard(storeOrDebouncer, options, port));
}

/**
 * Middleware for Koa 2 and 3 that answers blocked clients with 403.
 *
 * @param storeOrBlocklist a store for the blocks, or a blocklist that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { blocklist } from "@sluice/koa/protections";
 * import { createBlocklist } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * const blocks = createBlocklist({ store: memoryStore() });
 * app.use(blocklist(blocks));
 * await blocks.block("203.0.113.0/24", { for: "1d" });
 * ```
 */
export function blocklist(storeOrBlocklist: Store | Blocklist, options: BlocklistGuardOptions = {}): Middleware {
  return middlewareOf("blocklist", createBlocklistGuard(storeOrBlocklist, options, port));
}

/**
 * Middleware for Koa 2 and 3 that lets registered clients through, and answers others with 403. It puts the client on
 * `ctx.state.registeredClient`, where {@link registeredClientOf} reads it.
 *
 * @param storeOrRegistry a store for the clients, or a registry that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { requireRegistered } from "@sluice/koa/protections";
 * import { createRegistry } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * const registry = createRegistry({ store: memoryStore() });
 * app.use(requireRegistered(registry, { id: (ctx) => ctx.get("x-api-key") || undefined }));
 * ```
 */
export function requireRegistered(storeOrRegistry: Store | Registry, options: RequireRegisteredOptions): Middleware {
  return middlewareOf("requireRegistered", createRegistryGuard(storeOrRegistry, options, port));
}

/**
 * Middleware for Koa 2 and 3 with all protections in one admission: 403 for blocked and unregistered clients, 409 for
 * duplicates, 429 over a limit. It sets the RateLimit fields, and puts the limiter's decision on
 * `ctx.state.rateLimit`, where
 * `decisionOf` reads it. Put it after what parses bodies.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { protect } from "@sluice/koa/protections";
 * import { createProtections } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * app.use(protect(createProtections({ store: memoryStore(), debounce: { window: "5s" } })));
 * ```
 */
export function protect(protections: Protections, options: ProtectOptions = {}): Middleware {
  return middlewareOf("protect", createProtectGuard(protections, options, port));
}

/** Returns what `debounce` found out about a request; `undefined` if it did not look at it. */
export function sightingOf(ctx: StateHolder, requestProperty = "debounce"): Sighting | undefined {
  return found(ctx, requestProperty);
}

/** Returns the client that `requireRegistered` let through; `undefined` for a request that it skipped. */
export function registeredClientOf(ctx: StateHolder, requestProperty = "registeredClient"): Client | undefined {
  return found(ctx, requestProperty);
}
