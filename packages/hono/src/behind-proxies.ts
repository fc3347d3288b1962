import {
  checkOptions,
  type ForwardedClient,
  type ForwardedClientOptions,
  forwardedClient,
  invalidOption,
  type Rules,
} from "@sluice/core/http";
import type { GetConnInfo } from "hono/conninfo";
import { hasLeft } from "./has-left.js";

/** `forwardedClient` checks the values. */
const RULES: Rules<ForwardedClientOptions> = { trustProxy: "any", proxyHeader: "any" };

/** A {@link GetConnInfo} that reports which proxies it trusts. */
type Proxied = GetConnInfo & { readonly trust?: ForwardedClient["trust"] };

/**
 * Returns a `getConnInfo` that finds the client behind proxies, for the option of the same name. It reads the proxies'
 * field only if the connection's address is a trusted proxy. The client is then the last address in the field that is not a
 * trusted proxy. So a client can't change its address by writing the field itself.
 *
 * @param getConnInfo the runtime's function, which returns the address of the connection
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { behindProxies, rateLimit } from "@sluice/hono";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const limit = rateLimit(memoryStore(), { getConnInfo: behindProxies(getConnInfo, { trustProxy: ["10.0.0.0/8"] }) });
 * ```
 */
export function behindProxies(getConnInfo: GetConnInfo, options: ForwardedClientOptions): GetConnInfo {
  if (typeof getConnInfo !== "function") {
    throw invalidOption("getConnInfo", getConnInfo, "be the function of this name of your runtime");
  }
  checkOptions(options, RULES, "behindProxies");
  const { trust, address } = forwardedClient(options);
  const proxied: GetConnInfo = (c) => {
    const info = getConnInfo(c);
    const peer = info?.remote?.address;
    // A connection without an address would count as a Unix socket.
    if (peer === undefined && hasLeft(c)) return info;
    const client = address(peer, (name) => c.req.raw.headers.get(name) ?? undefined);
    return client === peer ? info : { remote: client === undefined ? {} : { address: client } };
  };
  return Object.assign(proxied, { trust });
}

/** The proxies that a `getConnInfo` trusts. */
export function trustOf(getConnInfo: Proxied | undefined): ForwardedClient["trust"] {
  return getConnInfo?.trust ?? "nobody";
}
