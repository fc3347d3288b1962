import type { MaybePromise, Store } from "@sluice/core";
import {
  ANSWER_RULES,
  type AnswerOptions,
  after,
  type Check,
  checkOptions,
  createGuard,
  type Denial,
  denier,
  expectNone,
  GUARD_RULES,
  type Guard,
  type GuardOptionsOf,
  type HttpPort,
  invalidOption,
  type Rules,
  type UnavailableDenial,
} from "@sluice/core/http";
import { type Client, createRegistry, REGISTRY_RULES, type Registry, type RegistryOptions } from "./registry.js";

/** The answer to clients that are not registered: 403, or the option `statusCode`. */
export type UnregisteredDenial = Denial<"unregistered", Client | undefined>;

/** Options of {@link registered}. Those of `createRegistry` apply only to a store, because a registry has its own. */
export interface RegisteredOptions<Req>
  extends Partial<Omit<RegistryOptions, "store">>,
    AnswerOptions<Req, Client | undefined> {
  /**
   * Returns the client's id, such as its API key, or `undefined` if it has none. Verify first that the client is who it
   * claims to be.
   */
  id: (request: Req) => MaybePromise<string | undefined>;
  /** The property of the request that holds the {@link Client}. Default `"registeredClient"`. */
  requestProperty?: string | undefined;
}

const { store: _store, ...OF_REGISTRY } = REGISTRY_RULES;

const RULES: Rules<RegisteredOptions<never>> = { ...OF_REGISTRY, ...ANSWER_RULES, id: "any", requestProperty: "any" };

/**
 * A check that lets only registered clients through. It denies others with 403, or with 503 if the store fails. It
 * also records that a client was seen. Clients that it has looked up recently are answered from memory.
 *
 * @param storeOrRegistry a store for the clients, or a registry that other parts of the app use too
 * @throws SluiceError for any invalid option
 */
export function registered<Req>(
  storeOrRegistry: Store | Registry,
  options: RegisteredOptions<Req>,
): Check<Req, UnregisteredDenial, Client | undefined> {
  checkOptions(options, RULES, "registered");
  const { id, requestProperty, statusCode, type, title, message, ...own } = options;
  const registry = registryOf(storeOrRegistry, own);
  return registeredIn(registry, { id, requestProperty, statusCode, type, title, message });
}

/** Like {@link registered}, for an existing registry. Does not include the code that creates one, to keep bundles small. */
export function registeredIn<Req>(
  registry: Registry,
  { id, requestProperty = "registeredClient", ...answer }: Omit<RegisteredOptions<Req>, keyof RegistryOptions>,
): Check<Req, UnregisteredDenial, Client | undefined> {
  if (typeof id !== "function") {
    const must = 'be a function that returns the id of the client, as in (request) => request.get("x-api-key")';
    throw invalidOption("id", id, must);
  }
  const deny = denier<Req, Client | undefined, "unregistered">(answer, {
    reason: "unregistered",
    status: 403,
    title: "Forbidden",
    detail: "This client is not registered.",
  });

  return {
    name: "registered",
    keyless: true,
    requestProperty,
    look: ({ request }) =>
      after(id(request), (found) => (found === undefined || found === "" ? undefined : registry.see(found))),
    judge: ({ request }, { looked }) =>
      looked?.registered === true ? { found: looked } : { found: looked, deny: () => deny(request, looked) },
  };
}

function registryOf(storeOrRegistry: Store | Registry, own: Partial<Omit<RegistryOptions, "store">>): Registry {
  if (!isRegistry(storeOrRegistry)) return createRegistry({ ...own, store: storeOrRegistry });
  expectNone({ ...own }, "be set in createRegistry if you pass a registry");
  return storeOrRegistry;
}

function isRegistry(value: Store | Registry): value is Registry {
  return typeof (value as Partial<Registry> | undefined)?.isRegistered === "function";
}

/** Options of the middleware `requireRegistered` in every framework: those of {@link registered} and some of a guard. */
export interface RequireRegisteredOptions<Req, Handler = never>
  extends RegisteredOptions<Req>,
    Pick<GuardOptionsOf<Req, Handler>, "skip" | "chargePreflight" | "name" | "handler"> {}

const OF_GUARD = (({ skip, chargePreflight, name, handler }) => ({ skip, chargePreflight, name, handler }))(
  GUARD_RULES,
);

/**
 * Creates a guard with the single check {@link registered}. For authors of adapters.
 *
 * @throws SluiceError for any invalid option
 */
export function createRegistryGuard<Req, Handler>(
  storeOrRegistry: Store | Registry,
  options: RequireRegisteredOptions<Req, Handler>,
  port: HttpPort<Req>,
): Guard<Req, Handler, UnregisteredDenial | UnavailableDenial> {
  checkOptions(options, { ...RULES, ...OF_GUARD }, "requireRegistered");
  const { skip, chargePreflight, name, handler, ...own } = options;
  const guardOptions = { skip, chargePreflight, name, handler };
  return createGuard([registered(storeOrRegistry, own)], guardOptions, port, "requireRegistered");
}
