import type { MaybePromise, Store } from "@sluice/core";
import { after, createGate, type GateOptions, type Guard } from "@sluice/core/http";
import { invalidOption, rejectUnknown } from "@sluice/core/store";
import { type Client, type Clients, type ClientsOptions, createClients } from "../clients/clients.js";
import { checkFunctions } from "./check-functions.js";
import { DENIAL_OPTIONS, type Denial, type DenialOptions, type DenialVerdict, denier } from "./denial.js";
import { madeOrOf } from "./made-or-store.js";
import { orUnavailable } from "./or-unavailable.js";
import type { ProtectionPort } from "./port.js";

/** Options of `requireClient`, in every framework. Those of `createClients` are for a store; a registry has its own. */
export interface RequireClientOptions<Req, Handler = never>
  extends Partial<Omit<ClientsOptions, "store">>,
    Pick<GateOptions<Req>, "skip" | "chargePreflight">,
    DenialOptions<Req, Client | undefined> {
  /** Who the client says it is, as in its API key; `undefined` when it does not say. Check first that it is who it says. */
  id: (request: Req) => MaybePromise<string | undefined>;
  /** Answers those who are not registered, in place of the problem document. Status and fields are set already. */
  handler?: Handler | undefined;
  /** Where the {@link Client} is found on the request. Default `"registeredClient"`. */
  requestProperty?: string | undefined;
}

const FOR_STORES = ["prefix", "timeout", "clock", "touchEvery", "forgetAfter", "staleFor", "cacheSize"] as const;

const OWN_OPTIONS = ["id", "skip", "chargePreflight", "name", "handler", "requestProperty"] as const;

/** Stands for the id of a client that does not say who it is: `id` may return anything else. */
const NOBODY = "";

/**
 * Makes the guard that lets only registered clients through, and others not: 403, or 503 while the store fails. A client
 * that is let through was seen. For those who write an adapter.
 *
 * @throws SluiceError for any option that is not what it should be
 */
export function createClientGuard<Req, Handler>(
  storeOrClients: Store | Clients,
  options: RequireClientOptions<Req, Handler>,
  port: ProtectionPort<Req>,
): Guard<Req, Handler, Client | undefined, Denial<Client | undefined>> {
  rejectUnknown(options, [...FOR_STORES, ...DENIAL_OPTIONS, ...OWN_OPTIONS], "requireClient");
  const { id, skip, chargePreflight, name, handler, requestProperty = "registeredClient" } = options;
  if (typeof id !== "function") {
    throw invalidOption(
      "id",
      id,
      'give a function that tells who the client is, as in (request) => request.get("x-api-key")',
    );
  }
  checkFunctions({ handler });
  const clients = madeOrOf<Clients>(storeOrClients, "isRegistered", options, FOR_STORES, {
    name: "createClients",
    make: createClients,
  });
  const key = (request: Req): MaybePromise<string> => after(id(request), (found) => found ?? NOBODY);
  const gate = createGate({ key, skip, chargePreflight, name } as GateOptions<Req>, port, "requireClient");
  const { deny, unavailable } = denier<Req, Client | undefined>(options, {
    status: 403,
    title: "Forbidden",
    detail: "This client is not registered.",
  });

  return {
    check: (request) =>
      gate.enter(request, (found) =>
        orUnavailable<Client | undefined, DenialVerdict<Client | undefined>>(
          () => (found === NOBODY ? undefined : clients.see(found as string)),
          (client) => {
            if (client?.registered !== true) return deny(request, client);
            return { decision: client, fields: [], rejection: undefined, settle: undefined };
          },
          unavailable,
        ),
      ),
    handler,
    requestProperty,
  };
}
