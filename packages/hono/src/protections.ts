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
import type { Context, Env, MiddlewareHandler } from "hono";
import { bodyOf } from "./body.js";
import { found, type VariableHolder } from "./found.js";
import { type AnswerHandler, middlewareOf } from "./middleware.js";
import { type ConnectionOptions, portOf } from "./port.js";

/** Options of {@link debounce}. Functions among them are given Hono's context. */
export interface DebounceOptions<E extends Env = Env>
  extends DebounceGuardOptions<Context<E>, AnswerHandler<Denial<Sighting>, E>>,
    ConnectionOptions {}

/** Options of {@link blocklist}. Functions among them are given Hono's context. */
export interface BlocklistOptions<E extends Env = Env>
  extends BlocklistGuardOptions<Context<E>, AnswerHandler<Denial<BlockEntry>, E>>,
    ConnectionOptions {}

/** Options of {@link requireClient}. Functions among them are given Hono's context. */
export type RequireClientOptions<E extends Env = Env> = RequireClientGuardOptions<
  Context<E>,
  AnswerHandler<Denial<Client | undefined>, E>
>;

/** Options of {@link protect}. Functions among them are given Hono's context. */
export interface ProtectOptions<E extends Env = Env>
  extends ProtectGuardOptions<Context<E>, AnswerHandler<ProtectDenial, E>>,
    ConnectionOptions {}

/** Divides the options into those of a guard and what the port needs. @throws SluiceError `CONN_INFO_MISSING` */
function portAndOptions<E extends Env, O extends ConnectionOptions>(
  options: O,
  keyed: boolean,
): { port: ProtectionPort<Context<E>>; guardOptions: Omit<O, keyof ConnectionOptions> } {
  const { port, guardOptions } = portOf<E, O>(options, keyed);
  return { port: { ...port, target: (c) => pathOf(c.req.url), body: bodyOf }, guardOptions };
}

/** The path with the query of an absolute URL. */
function pathOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("://") + 3));
}

/**
 * Middleware for Hono 4 that answers duplicates with 409: requests of one client with the same method, path, query
 * and body within a window. Bodies of up to 1 MiB are read, and the route can read them again.
 *
 * @param storeOrDebouncer where to keep windows, or a debouncer that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
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
  options: DebounceOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portAndOptions<E, DebounceOptions<E>>(options, options.key !== undefined);
  return middlewareOf("debounce", createDebounceGuard(storeOrDebouncer, guardOptions, port), port);
}

/**
 * Middleware for Hono 4 that answers those who are blocked with 403.
 *
 * @param storeOrBlocklist where blocks are kept, or a blocklist that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { blocklist } from "@sluice/hono/protections";
 * import { createBlocklist } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const blocked = createBlocklist({ store: memoryStore() });
 * const app = new Hono();
 * app.use(blocklist(blocked, { getConnInfo }));
 * await blocked.block("203.0.113.0/24", { for: "1d" });
 * ```
 */
export function blocklist<E extends Env = Env>(
  storeOrBlocklist: Store | Blocklist,
  options: BlocklistOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portAndOptions<E, BlocklistOptions<E>>(options, options.key !== undefined);
  return middlewareOf("blocklist", createBlocklistGuard(storeOrBlocklist, guardOptions, port), port);
}

/**
 * Middleware for Hono 4 that lets registered clients through, and answers others with 403. It puts the client into
 * the variable `registeredClient`, where {@link registeredClientOf} reads it.
 *
 * @param storeOrClients where clients are kept, or a registry that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { requireClient } from "@sluice/hono/protections";
 * import { createClients } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const clients = createClients({ store: memoryStore() });
 * const app = new Hono();
 * app.use("/api/*", requireClient(clients, { id: (c) => c.req.header("x-api-key") }));
 * ```
 */
export function requireClient<E extends Env = Env>(
  storeOrClients: Store | Clients,
  options: RequireClientOptions<E>,
): MiddlewareHandler<E> {
  // Who a client is the app tells.
  const { port } = portAndOptions<E, ConnectionOptions>({}, true);
  return middlewareOf("requireClient", createClientGuard(storeOrClients, options, port), port);
}

/**
 * Middleware for Hono 4 with all protections: 403 for those who are blocked, 409 for duplicates, 429 over a limit.
 * It sets the RateLimit fields, and puts the limiter's decision into the variable `rateLimit`, where `decisionOf` reads it. Bodies of up to 1 MiB are read, and the route can read them again.
 *
 * @throws SluiceError for any option that is not what it should be; `CONN_INFO_MISSING` with neither `getConnInfo` nor `key`
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
 * app.use(protect(await createProtections({ store: memoryStore(), debounce: { window: "5s" } }), { getConnInfo }));
 * ```
 */
export function protect<E extends Env = Env>(
  protections: Protections,
  options: ProtectOptions<E> = {},
): MiddlewareHandler<E> {
  const { port, guardOptions } = portAndOptions<E, ProtectOptions<E>>(options, options.key !== undefined);
  return middlewareOf("protect", createProtectGuard(protections, guardOptions, port), port);
}

/** Returns what `debounce` found out about a request; `undefined` if it did not look at it. */
export function sightingOf(c: VariableHolder, requestProperty = "debounce"): Sighting | undefined {
  return found(c, requestProperty);
}

/** Returns the client that `requireClient` let through; `undefined` for a request that it skipped. */
export function registeredClientOf(c: VariableHolder, requestProperty = "registeredClient"): Client | undefined {
  return found(c, requestProperty);
}
