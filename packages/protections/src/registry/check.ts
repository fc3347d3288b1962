import type { MaybePromise, Store } from "@sluice/core";
import {
  ANSWER_OPTIONS,
  type AnswerOptions,
  after,
  type Check,
  createGuard,
  type Denial,
  denier,
  expectNone,
  type Guard,
  type GuardOptionsOf,
  type HttpPort,
  invalidOption,
  rejectUnknown,
  type UnavailableDenial,
} from "@sluice/core/http";
import { type Client, createRegistry, type Registry, type RegistryOptions } from "./registry.js";

/** The answer to clients that are not registered: 403, or the option `statusCode`. */
export type UnregisteredDenial = Denial<"unregistered", Client | undefined>;

/** Options of {@link registered}. Those of `createRegistry` are for a store; a registry has its own. */
export interface RegisteredOptions<Req>
  extends Partial<Omit<RegistryOptions, "store">>,
    AnswerOptions<Req, Client | undefined> {
  /** Who the client says it is, as in its API key; `undefined` when it does not say. Check first that it is who it says. */
  id: (request: Req) => MaybePromise<string | undefined>;
  /** Where the app finds the {@link Client} on the request. Default `"registeredClient"`. */
  requestProperty?: string | undefined;
}

const FOR_STORES = ["prefix", "timeout", "clock", "touchEvery", "forgetAfter", "staleFor", "cacheSize"] as const;

const OPTIONS = [...FOR_STORES, ...ANSWER_OPTIONS, "id", "requestProperty"] as const;

/**
 * A check that lets only registered clients through, and denies others with 403, or with 503 while the store fails. A client
 * that it lets through was seen. Answered from memory where the client was asked about before.
 *
 * @param storeOrRegistry where clients are kept, or a registry that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 */
export function registered<Req>(
  storeOrRegistry: Store | Registry,
  options: RegisteredOptions<Req>,
): Check<Req, UnregisteredDenial, Client | undefined> {
  rejectUnknown(options, OPTIONS, "registered");
  const { id, requestProperty, statusCode, type, title, message, ...own } = options;
  const registry = registryOf(storeOrRegistry, own);
  return registeredIn(registry, { id, requestProperty, statusCode, type, title, message });
}

/** As {@link registered}, for a registry that is there: without the code that creates one, for bundles. */
export function registeredIn<Req>(
  registry: Registry,
  { id, requestProperty = "registeredClient", ...answer }: Omit<RegisteredOptions<Req>, keyof RegistryOptions>,
): Check<Req, UnregisteredDenial, Client | undefined> {
  if (typeof id !== "function") {
    throw invalidOption(
      "id",
      id,
      'give a function that returns who the client is, as in (request) => request.get("x-api-key")',
    );
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
  expectNone({ ...own }, "it has been set: give it to createRegistry");
  return storeOrRegistry;
}

function isRegistry(value: Store | Registry): value is Registry {
  return typeof (value as Partial<Registry> | undefined)?.isRegistered === "function";
}

/** Options of the middleware `requireRegistered`, in every framework: those of {@link registered}, and some of a guard. */
export interface RequireRegisteredOptions<Req, Handler = never>
  extends RegisteredOptions<Req>,
    Pick<GuardOptionsOf<Req, Handler>, "skip" | "chargePreflight" | "name" | "handler"> {}

/**
 * Creates the guard that has the check {@link registered} only. For authors of adapters.
 *
 * @throws SluiceError for any option that is not what it should be
 */
export function createRegistryGuard<Req, Handler>(
  storeOrRegistry: Store | Registry,
  options: RequireRegisteredOptions<Req, Handler>,
  port: HttpPort<Req>,
): Guard<Req, Handler, UnregisteredDenial | UnavailableDenial> {
  rejectUnknown(options, [...OPTIONS, "skip", "chargePreflight", "name", "handler"], "requireRegistered");
  const { skip, chargePreflight, name, handler, ...own } = options;
  const guardOptions = { skip, chargePreflight, name, handler };
  return createGuard([registered(storeOrRegistry, own)], guardOptions, port, "requireRegistered");
}
