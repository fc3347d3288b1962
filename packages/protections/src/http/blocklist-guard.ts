import type { MaybePromise, Store } from "@sluice/core";
import { createGate, type GateOptions, type Guard } from "@sluice/core/http";
import { rejectUnknown } from "@sluice/core/store";
import { type Blocklist, type BlocklistOptions, createBlocklist } from "../blocklist/blocklist.js";
import type { BlockEntry } from "../blocklist/entry.js";
import { checkFunctions } from "./check-functions.js";
import { DENIAL_OPTIONS, type Denial, type DenialOptions, type DenialVerdict, type Denier, denier } from "./denial.js";
import { madeOrOf } from "./made-or-store.js";
import { orUnavailable } from "./or-unavailable.js";
import type { ProtectionPort } from "./port.js";

/** Options of `blocklist`, in every framework. Those of `createBlocklist` are for a store; a blocklist has its own. */
export interface BlocklistGuardOptions<Req, Handler = never>
  extends Partial<Omit<BlocklistOptions, "store">>,
    Pick<GateOptions<Req>, "skip" | "unusableAddress">,
    DenialOptions<Req, BlockEntry> {
  /** Who sent a request, by one name or several of which any may be blocked. Default: the client address. */
  key?: ((request: Req) => MaybePromise<string | readonly string[]>) | undefined;
  /** Answers those who are blocked, in place of the problem document. Status and fields are set already. */
  handler?: Handler | undefined;
  /** Where the {@link BlockEntry} is found on the request by a `handler`. Default `"block"`. */
  requestProperty?: string | undefined;
}

const FOR_STORES = ["prefix", "timeout", "clock", "staleFor", "cacheSize", "ipv6Prefix", "failOpen"] as const;

const OWN_OPTIONS = ["key", "skip", "unusableAddress", "name", "handler", "requestProperty"] as const;

/**
 * Makes the guard that answers those who are blocked with 403; with 503 while the store fails, unless the blocklist is
 * `failOpen`. For those who write an adapter.
 *
 * @throws SluiceError for any option that is not what it should be
 */
export function createBlocklistGuard<Req, Handler>(
  storeOrBlocklist: Store | Blocklist,
  options: BlocklistGuardOptions<Req, Handler>,
  port: ProtectionPort<Req>,
): Guard<Req, Handler, BlockEntry | undefined, Denial<BlockEntry>> {
  rejectUnknown(options, [...FOR_STORES, ...DENIAL_OPTIONS, ...OWN_OPTIONS], "blocklist");
  const { key, skip, unusableAddress, name, handler, requestProperty = "block" } = options;
  checkFunctions({ handler });
  const blocklist = madeOrOf<Blocklist>(storeOrBlocklist, "isBlocked", options, FOR_STORES, {
    name: "createBlocklist",
    make: createBlocklist,
  });
  // The whole address, since a network may be smaller than what one client has. A preflight of somebody blocked is one, too.
  const gateOptions = { key, skip, unusableAddress, name, ipv6Prefix: 128, chargePreflight: true };
  const gate = createGate(gateOptions as GateOptions<Req>, port, "blocklist");
  const { deny, unavailable } = blockDenier(options);

  return {
    check: (request) =>
      gate.enter(request, (keys) =>
        orUnavailable<BlockEntry | undefined, DenialVerdict<BlockEntry> | undefined>(
          () => lookAll(blocklist, [keys].flat() as string[]),
          (entry) => entry && deny(request, entry),
          unavailable,
        ),
      ),
    handler,
    requestProperty,
  };
}

/** Makes what is answered to those who are blocked. @throws SluiceError `INVALID_OPTION` */
export function blockDenier<Req>(options: DenialOptions<Req, BlockEntry>): Denier<Req, BlockEntry> {
  return denier<Req, BlockEntry>(options, { status: 403, title: "Forbidden", detail: "This client is blocked." });
}

/** The block of the first of several names that has one; all are looked up at the same time. */
export function lookAll(blocklist: Blocklist, keys: readonly string[]): MaybePromise<BlockEntry | undefined> {
  const found = keys.map((key) => blocklist.look(key));
  if (!found.some((entry) => entry instanceof Promise)) return found.find((entry) => entry !== undefined);
  return Promise.all(found).then((entries) => entries.find((entry) => entry !== undefined));
}
