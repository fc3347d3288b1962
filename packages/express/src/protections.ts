import type { Store } from "@sluice/core";
import type { CheckSource, UnavailableDenial } from "@sluice/core/http";
import * as of from "@sluice/protections";
import type { Request, RequestHandler } from "express";
import { found } from "./found.js";
import { port } from "./port.js";
import { type DenialHandler, middlewareOf } from "./respond.js";

// Functions among the options receive Express's request.

/** Options of {@link blocked}. */
export type BlockedOptions = of.BlockedOptions<Request>;
/** Options of {@link registered}. */
export type RegisteredOptions = of.RegisteredOptions<Request>;
/** Options of {@link once}. */
export type OnceOptions = of.OnceOptions<Request>;
/** Options of {@link blocklist}. */
export type BlocklistGuardOptions = of.BlocklistGuardOptions<
  Request,
  DenialHandler<of.BlockedDenial | UnavailableDenial>
>;
/** Options of {@link requireRegistered}. */
export type RequireRegisteredOptions = of.RequireRegisteredOptions<
  Request,
  DenialHandler<of.UnregisteredDenial | UnavailableDenial>
>;
/** Options of {@link debounce}. */
export type DebounceGuardOptions = of.DebounceGuardOptions<
  Request,
  DenialHandler<of.DuplicateDenial | UnavailableDenial>
>;
/** Options of {@link protect}. */
export type ProtectOptions = of.ProtectOptions<Request, DenialHandler<of.ProtectDenial>>;

/** A check of `guard` that denies blocked clients with 403. */
export const blocked: (
  storeOrBlocklist: Store | of.Blocklist,
  options?: BlockedOptions,
) => CheckSource<Request, of.BlockedDenial> = of.blocked;

/** A check of `guard` that lets registered clients through, and denies others with 403. */
export const registered: (
  storeOrRegistry: Store | of.Registry,
  options: RegisteredOptions,
) => CheckSource<Request, of.UnregisteredDenial> = of.registered;

/** A check of `guard` that denies duplicates with 409. Its claim is decided together with those of the limits. */
export const once: (
  storeOrDebouncer: Store | of.Debouncer,
  options?: OnceOptions,
) => CheckSource<Request, of.DuplicateDenial | UnavailableDenial> = of.once;

/**
 * Middleware for Express 4 and 5 that answers duplicates with 409. Duplicates are requests of one client with the same
 * unsafe method, path, query and body within a window. Add it after the body parsers.
 *
 * @param storeOrDebouncer a store for the windows, or a debouncer that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { debounce } from "@sluice/express/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * app.post("/orders", express.json(), debounce(memoryStore(), { window: "10s" }), (_req, res) => {
 *   res.status(201).end();
 * });
 * ```
 */
export function debounce(storeOrDebouncer: Store | of.Debouncer, options: DebounceGuardOptions = {}): RequestHandler {
  return middlewareOf("debounce", of.createDebounceGuard(storeOrDebouncer, options, port));
}

/**
 * Middleware for Express 4 and 5 that answers blocked clients with 403.
 *
 * @param storeOrBlocklist a store for the blocks, or a blocklist that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { blocklist } from "@sluice/express/protections";
 * import { createBlocklist } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * const blocks = createBlocklist({ store: memoryStore() });
 * app.use(blocklist(blocks));
 * await blocks.block("203.0.113.0/24", { for: "1d" });
 * ```
 */
export function blocklist(storeOrBlocklist: Store | of.Blocklist, options: BlocklistGuardOptions = {}): RequestHandler {
  return middlewareOf("blocklist", of.createBlocklistGuard(storeOrBlocklist, options, port));
}

/**
 * Middleware for Express 4 and 5 that lets registered clients through and answers others with 403. It puts the client on
 * `req.registeredClient`, where {@link registeredClientOf} reads it.
 *
 * @param storeOrRegistry a store for the clients, or a registry that other parts of the app use too
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { requireRegistered } from "@sluice/express/protections";
 * import { createRegistry } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * const registry = createRegistry({ store: memoryStore() });
 * app.use(requireRegistered(registry, { id: (req) => req.get("x-api-key") }));
 * ```
 */
export function requireRegistered(
  storeOrRegistry: Store | of.Registry,
  options: RequireRegisteredOptions,
): RequestHandler {
  return middlewareOf("requireRegistered", of.createRegistryGuard(storeOrRegistry, options, port));
}

/**
 * Middleware for Express 4 and 5 with all protections in one admission: 403 for blocked and unregistered clients, 409 for
 * duplicates, 429 over a limit. It sets the RateLimit fields and puts the limiter's decision on `req.rateLimit`, where
 * `decisionOf` reads it. Add it after the body parsers.
 *
 * @throws SluiceError for any invalid option
 *
 * @example
 * ```ts
 * import { protect } from "@sluice/express/protections";
 * import { createProtections } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * const protections = createProtections({ store: memoryStore(), debounce: { window: "5s" } });
 * app.use(express.json(), protect(protections));
 * ```
 */
export function protect(protections: of.Protections, options: ProtectOptions = {}): RequestHandler {
  return middlewareOf("protect", of.createProtectGuard(protections, options, port));
}

/** Returns the result of `debounce` for a request. `undefined` if it did not check the request. */
export function sightingOf(req: object, requestProperty = "debounce"): of.Sighting | undefined {
  return found(req, requestProperty);
}

/** Returns the client that `requireRegistered` let through. `undefined` if it skipped the request. */
export function registeredClientOf(req: object, requestProperty = "registeredClient"): of.Client | undefined {
  return found(req, requestProperty);
}
