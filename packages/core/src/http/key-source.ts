import { show } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import { addressUnusable, checkIpv6Prefix, DEFAULT_IPV6_PREFIX, keyOfAddress } from "./client-key.js";
import type { Diagnostics } from "./diagnostics.js";
import { hashedKey } from "./hash-key.js";
import { type GuardOptions, oneOf } from "./options.js";
import type { HttpPort } from "./port.js";

/** Not an address, so not the key of any. */
const SHARED_KEY = "unusable-address";

/** Stands for a key where a request is not limited: nothing that a user's function could return by mistake. */
export const UNLIMITED: unique symbol = Symbol("unlimited");

/**
 * Makes the function that tells who sent a request.
 *
 * @throws SluiceError `INVALID_OPTION`
 */
export function keySource<Req>(
  options: Pick<GuardOptions<Req>, "key" | "ipv6Prefix" | "unusableAddress" | "hashKey" | "dryRun">,
  port: HttpPort<Req>,
  diagnostics: Diagnostics,
): (request: Req) => MaybePromise<LimiterKey | typeof UNLIMITED> {
  const { key, ipv6Prefix = DEFAULT_IPV6_PREFIX, hashKey, dryRun = false } = options;
  const { unusableAddress = dryRun === false ? "error" : "skip" } = options;
  checkIpv6Prefix(ipv6Prefix);
  oneOf("unusableAddress", unusableAddress, ["error", "shared", "skip"]);
  const find = key ?? byAddress;
  if (hashKey === undefined) return find;
  return (request) => {
    return after(find(request), (found) => (found === UNLIMITED ? found : hashedKey(hashKey, found)));
  };

  function byAddress(request: Req): string | typeof UNLIMITED {
    const address = port.address(request);
    const found = keyOfAddress(address, ipv6Prefix) ?? keyOfAddress(port.reread?.(request), ipv6Prefix);
    if (found !== undefined) return found;
    // Whoever left before this has no address any more. Nobody made a mistake, and the adapter drops the request.
    if (unusableAddress !== "skip" && port.hasLeft?.(request) === true) throw addressUnusable(address);
    diagnostics.warn("CLIENT_ADDRESS_UNUSABLE", `a client address was ${show(address)}, which is no IP address.`);
    if (unusableAddress === "error") throw addressUnusable(address);
    return unusableAddress === "shared" ? SHARED_KEY : UNLIMITED;
  }
}
