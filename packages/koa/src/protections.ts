import type { Store } from "@sluice/core";
import {
  type BlockEntry,
  type Blocklist,
  type BlocklistGuardOptions,
  type Client,
  type Clients,
  createBlocklistGuard,
  createClientGuard,
  createDebounceGuard,
  createProtectGuard,
  type DebounceOptions as DebounceGuardOptions,
  type Debouncer,
  type Denial,
  type ProtectDenial,
  type ProtectOptions as ProtectGuardOptions,
  type ProtectionPort,
  type Protections,
  type RequireClientOptions as RequireClientGuardOptions,
  type Sighting,
} from "@sluice/protections";
import type { Context, Middleware } from "koa";
import { found, type StateHolder } from "./found.js";
import { type AnswerHandler, middlewareOf } from "./middleware.js";
import { port as httpPort } from "./port.js";

/** Options of {@link debounce}. Functions among them are given Koa's context. */
export type DebounceOptions = DebounceGuardOptions<Context, AnswerHandler<Denial<Sighting>>>;

/** Options of {@link blocklist}. Functions among them are given Koa's context. */
export type BlocklistOptions = BlocklistGuardOptions<Context, AnswerHandler<Denial<BlockEntry>>>;

/** Options of {@link requireClient}. Functions among them are given Koa's context. */
export type RequireClientOptions = RequireClientGuardOptions<Context, AnswerHandler<Denial<Client | undefined>>>;

/** Options of {@link protect}. Functions among them are given Koa's context. */
export type ProtectOptions = ProtectGuardOptions<Context, AnswerHandler<ProtectDenial>>;

const port: ProtectionPort<Context> = {
  ...httpPort,
  target: (ctx) => ctx.originalUrl,
  // Where every parser of bodies puts it.
  body: (ctx) => (ctx.request as { body?: unknown }).body,
};

/**
 * Middleware for Koa 2 and 3 that answers duplicates with 409: requests of one client with the same method, path, query
 * and body within a window. Put it after what parses bodies.
 *
 * @param storeOrDebouncer where to keep windows, or a debouncer that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { debounce } from "@sluice/koa/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * app.use(debounce(memoryStore(), { window: "10s", methods: ["POST"] }));
 * ```
 */
export function debounce(storeOrDebouncer: Store | Debouncer, options: DebounceOptions = {}): Middleware {
  return middlewareOf("debounce", createDebounceGuard(storeOrDebouncer, options, port));
}

/**
 * Middleware for Koa 2 and 3 that answers those who are blocked with 403.
 *
 * @param storeOrBlocklist where blocks are kept, or a blocklist that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { blocklist } from "@sluice/koa/protections";
 * import { createBlocklist } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const blocked = createBlocklist({ store: memoryStore() });
 * const app = new Koa();
 * app.use(blocklist(blocked));
 * await blocked.block("203.0.113.0/24", { for: "1d" });
 * ```
 */
export function blocklist(storeOrBlocklist: Store | Blocklist, options: BlocklistOptions = {}): Middleware {
  return middlewareOf("blocklist", createBlocklistGuard(storeOrBlocklist, options, port));
}

/**
 * Middleware for Koa 2 and 3 that lets registered clients through, and answers others with 403. It puts the client on
 * `ctx.state.registeredClient`, where {@link registeredClientOf} reads it.
 *
 * @param storeOrClients where clients are kept, or a registry that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { requireClient } from "@sluice/koa/protections";
 * import { createClients } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const clients = createClients({ store: memoryStore() });
 * const app = new Koa();
 * app.use(requireClient(clients, { id: (ctx) => ctx.get("x-api-key") || undefined }));
 * ```
 */
export function requireClient(storeOrClients: Store | Clients, options: RequireClientOptions): Middleware {
  return middlewareOf("requireClient", createClientGuard(storeOrClients, options, port));
}

/**
 * Middleware for Koa 2 and 3 with all protections: 403 for those who are blocked, 409 for duplicates, 429 over a limit.
 * It sets the RateLimit fields, and puts the limiter's decision on `ctx.state.rateLimit`, where
 * `decisionOf` reads it. Put it after what parses bodies.
 *
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { protect } from "@sluice/koa/protections";
 * import { createProtections } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * app.use(protect(await createProtections({ store: memoryStore(), debounce: { window: "5s" } })));
 * ```
 */
export function protect(protections: Protections, options: ProtectOptions = {}): Middleware {
  return middlewareOf("protect", createProtectGuard(protections, options, port));
}

/** Returns what `debounce` found out about a request; `undefined` if it did not look at it. */
export function sightingOf(ctx: StateHolder, requestProperty = "debounce"): Sighting | undefined {
  return found(ctx, requestProperty);
}

/** Returns the client that `requireClient` let through; `undefined` for a request that it skipped. */
export function registeredClientOf(ctx: StateHolder, requestProperty = "registeredClient"): Client | undefined {
  return found(ctx, requestProperty);
}
