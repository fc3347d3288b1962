import type { Store } from "@sluice/core";
import type { CheckSource, UnavailableDenial } from "@sluice/core/http";
import * as of from "@sluice/protections";
import type { Context, Middleware } from "koa";
import { found, type StateHolder } from "./found.js";
import { port } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

// Functions among the options receive Koa's context.

/** Options of {@link blocked}. */
export type BlockedOptions = of.BlockedOptions<Context>;
/** Options of {@link registered}. */
export type RegisteredOptions = of.RegisteredOptions<Context>;
/** Options of {@link once}. */
export type OnceOptions = of.OnceOptions<Context>;
/** Options of {@link blocklist}. */
export type BlocklistGuardOptions = of.BlocklistGuardOptions<
  Context,
  DenialHandler<of.BlockedDenial | UnavailableDenial>
>;
/** Options of {@link requireRegistered}. */
export type RequireRegisteredOptions = of.RequireRegisteredOptions<
  Context,
  DenialHandler<of.UnregisteredDenial | UnavailableDenial>
>;
/** Options of {@link debounce}. */
export type DebounceGuardOptions = of.DebounceGuardOptions<
  Context,
  DenialHandler<of.DuplicateDenial | UnavailableDenial>
>;
/** Options of {@link protect}. */
export type ProtectOptions = of.ProtectOptions<Context, DenialHandler<of.ProtectDenial>>;

/** A check of `guard` that denies blocked clients with 403. */
export const blocked: (
  storeOrBlocklist: Store | of.Blocklist,
  options?: BlockedOptions,
) => CheckSource<Context, of.BlockedDenial> = of.blocked;

/** A check of `guard` that lets registered clients through, and denies others with 403. */
export const registered: (
  storeOrRegistry: Store | of.Registry,
  options: RegisteredOptions,
) => CheckSource<Context, of.UnregisteredDenial> = of.registered;

/** A check of `guard` that denies duplicates with 409. Its claim is decided together with those of the limits. */
export const once: (
  storeOrDebouncer: Store | of.Debouncer,
  options?: OnceOptions,
) => CheckSource<Context, of.DuplicateDenial | UnavailableDenial> = of.once;

/**
 * Middleware for Koa 2 and 3 that answers duplicates with 409. Duplicates are requests of one client with the same unsafe
 * method, path, query and body within a window. Add it after the body parsers.
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
export function debounce(storeOrDebouncer: Store | of.Debouncer, options: DebounceGuardOptions = {}): Middleware {
  return middlewareOf("debounce", of.createDebounceGuard(storeOrDebouncer, options, port));
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
export function blocklist(storeOrBlocklist: Store | of.Blocklist, options: BlocklistGuardOptions = {}): Middleware {
  return middlewareOf("blocklist", of.createBlocklistGuard(storeOrBlocklist, options, port));
}

/**
 * Middleware for Koa 2 and 3 that lets registered clients through and answers others with 403. It puts the client on
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
export function requireRegistered(storeOrRegistry: Store | of.Registry, options: RequireRegisteredOptions): Middleware {
  return middlewareOf("requireRegistered", of.createRegistryGuard(storeOrRegistry, options, port));
}

/**
 * Middleware for Koa 2 and 3 with all protections in one admission: 403 for blocked and unregistered clients, 409 for
 * duplicates, 429 over a limit. It sets the RateLimit fields and puts the limiter's decision on `ctx.state.rateLimit`,
 * where `decisionOf` reads it. Add it after the body parsers.
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
export function protect(protections: of.Protections, options: ProtectOptions = {}): Middleware {
  return middlewareOf("protect", of.createProtectGuard(protections, options, port));
}

/** Returns the result of `debounce` for a request. `undefined` if it did not check the request. */
export function sightingOf(ctx: StateHolder, requestProperty = "debounce"): of.Sighting | undefined {
  return found(ctx, requestProperty);
}

/** Returns the client that `requireRegistered` let through. `undefined` if it skipped the request. */
export function registeredClientOf(ctx: StateHolder, requestProperty = "registeredClient"): of.Client | undefined {
  return found(ctx, requestProperty);
}
