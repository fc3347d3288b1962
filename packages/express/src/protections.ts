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
import type { Request, RequestHandler } from "express";
import { found } from "./found.js";
import { type AnswerHandler, middlewareOf } from "./middleware.js";
import { port as httpPort } from "./port.js";

/** Options of {@link debounce}. Functions among them are given Express's request. */
export type DebounceOptions = DebounceGuardOptions<Request, AnswerHandler<Denial<Sighting>>>;

/** Options of {@link blocklist}. Functions among them are given Express's request. */
export type BlocklistOptions = BlocklistGuardOptions<Request, AnswerHandler<Denial<BlockEntry>>>;

/** Options of {@link requireClient}. Functions among them are given Express's request. */
export type RequireClientOptions = RequireClientGuardOptions<Request, AnswerHandler<Denial<Client | undefined>>>;

/** Options of {@link protect}. Functions among them are given Express's request. */
export type ProtectOptions = ProtectGuardOptions<Request, AnswerHandler<ProtectDenial>>;

const port: ProtectionPort<Request> = {
  ...httpPort,
  target: (req) => req.originalUrl,
  body: (req) => req.body,
};

/**
 * Middleware for Express 4 and 5 that answers duplicates with 409: requests of one client with the same method, path, query
 * and body within a window. Put it after what parses bodies.
 *
 * @param storeOrDebouncer where to keep windows, or a debouncer that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
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
export function debounce(storeOrDebouncer: Store | Debouncer, options: DebounceOptions = {}): RequestHandler {
  return middlewareOf("debounce", createDebounceGuard(storeOrDebouncer, options, port));
}

/**
 * Middleware for Express 4 and 5 that answers those who are blocked with 403.
 *
 * @param storeOrBlocklist where blocks are kept, or a blocklist that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { blocklist } from "@sluice/express/protections";
 * import { createBlocklist } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const blocked = createBlocklist({ store: memoryStore() });
 * const app = express();
 * app.use(blocklist(blocked));
 * await blocked.block("203.0.113.0/24", { for: "1d" });
 * ```
 */
export function blocklist(storeOrBlocklist: Store | Blocklist, options: BlocklistOptions = {}): RequestHandler {
  return middlewareOf("blocklist", createBlocklistGuard(storeOrBlocklist, options, port));
}

/**
 * Middleware for Express 4 and 5 that lets registered clients through, and answers others with 403. It puts the client on
 * `req.registeredClient`, where {@link registeredClientOf} reads it.
 *
 * @param storeOrClients where clients are kept, or a registry that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { requireClient } from "@sluice/express/protections";
 * import { createClients } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const clients = createClients({ store: memoryStore() });
 * const app = express();
 * app.use("/api", requireClient(clients, { id: (req) => req.get("x-api-key") }));
 * ```
 */
export function requireClient(storeOrClients: Store | Clients, options: RequireClientOptions): RequestHandler {
  return middlewareOf("requireClient", createClientGuard(storeOrClients, options, port));
}

/**
 * Middleware for Express 4 and 5 with all protections: 403 for those who are blocked, 409 for duplicates, 429 over a limit.
 * It sets the RateLimit fields, and puts the limiter's decision on `req.rateLimit`, where `decisionOf` reads it. Put it after what parses bodies.
 *
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { protect } from "@sluice/express/protections";
 * import { createProtections } from "@sluice/protections";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * app.use(express.json(), protect(await createProtections({ store: memoryStore(), debounce: { window: "5s" } })));
 * ```
 */
export function protect(protections: Protections, options: ProtectOptions = {}): RequestHandler {
  return middlewareOf("protect", createProtectGuard(protections, options, port));
}

/** Returns what `debounce` found out about a request; `undefined` if it did not look at it. */
export function sightingOf(req: object, requestProperty = "debounce"): Sighting | undefined {
  return found(req, requestProperty);
}

/** Returns the client that `requireClient` let through; `undefined` for a request that it skipped. */
export function registeredClientOf(req: object, requestProperty = "registeredClient"): Client | undefined {
  return found(req, requestProperty);
}
