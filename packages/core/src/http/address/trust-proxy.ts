import { invalidOption } from "../../errors.js";
import { check } from "../../options.js";
import { clientBehind } from "./forwarded.js";
import { isWithin, type Network, parseNetwork } from "./network.js";
import { withoutPort } from "./without-port.js";

/** Options of {@link forwardedClient}. */
export interface ForwardedClientOptions {
  /**
   * The proxies that may report the client's address: addresses and networks, as in `["10.0.0.0/8", "::1"]`, or a function
   * of an address without its port. In both, `"unix"` stands for a connection without an address, such as a Unix socket.
   * Default: no proxy, so the client is the peer of the connection.
   */
  trustProxy?: readonly string[] | ((address: string) => boolean) | undefined;
  /** The field that is read. Every trusted proxy has to write it. Default `"x-forwarded-for"`. */
  proxyHeader?: "x-forwarded-for" | "forwarded" | undefined;
}

/** Finds the client behind proxies. */
export interface ForwardedClient {
  /** See `proxyTrust` of a port. */
  readonly trust: "nobody" | "some" | "everyone";
  /**
   * @param peer the address of the connection
   * @param header looks up a field of the request by its name in lower case
   * @returns an address as it was written, unchecked; `undefined` if there is none or it can't be read
   */
  address(peer: string | undefined, header: (name: string) => string | undefined): string | undefined;
}

/** Stands for a connection that has no address. */
const UNIX = "unix";

/**
 * Documentation addresses, which no sensible trust list contains (RFC 5737; RFC 3849 and 9637). A list that contains all
 * addresses of one family trusts all clients of that family.
 */
const STRANGERS = [
  ["192.0.2.1", "198.51.100.1", "203.0.113.1"],
  ["2001:db8::1", "3fff::1"],
];

/**
 * Finds clients behind proxies, for adapters of frameworks that do not handle proxies. The field is used only if the
 * connection's address is a trusted proxy. The client is then the last address in the field that is not a trusted
 * proxy. So a client can't change its address by writing the field itself.
 *
 * @throws SluiceError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { forwardedClient } from "@sluice/core/http";
 *
 * const client = forwardedClient({ trustProxy: ["10.0.0.0/8"] });
 * client.address("10.0.0.7", () => "6.6.6.6, 192.0.2.1, 10.0.0.8"); // "192.0.2.1"
 * client.address("192.0.2.9", () => "6.6.6.6"); // "192.0.2.9"
 * ```
 */
export function forwardedClient(options: ForwardedClientOptions): ForwardedClient {
  const { trustProxy = [], proxyHeader = "x-forwarded-for" } = options;
  check("proxyHeader", proxyHeader, ["x-forwarded-for", "forwarded"]);
  // A separate case because it is the default, and reading an address takes longer than deciding.
  if (Array.isArray(trustProxy) && trustProxy.length === 0) return { trust: "nobody", address: (peer) => peer };
  const trusts = typeof trustProxy === "function" ? clearly(trustProxy) : trustOf(trustProxy);

  return {
    trust: STRANGERS.some((strangers) => strangers.every(trusts)) ? "everyone" : "some",
    address(peer, header) {
      if (!trusts(peer === undefined ? UNIX : withoutPort(peer))) return peer;
      const value = header(proxyHeader);
      return value === undefined ? peer : clientBehind(peer, proxyHeader, value, trusts);
    },
  };
}

/** Requires a boolean, because a truthy value such as a promise would trust everybody. */
function clearly(trusts: (address: string) => boolean): (address: string) => boolean {
  return (address) => {
    const trusted = trusts(address);
    if (typeof trusted === "boolean") return trusted;
    throw invalidOption("trustProxy", trusted, "return true or false");
  };
}

function trustOf(trustProxy: readonly string[]): (address: string) => boolean {
  if (!Array.isArray(trustProxy)) {
    throw invalidOption("trustProxy", trustProxy, 'be an array as in ["10.0.0.0/8"], or a function of an address');
  }
  const networks = trustProxy.filter((text) => text !== UNIX).map(networkOf);
  const trustsUnix = trustProxy.includes(UNIX);
  return (text) => {
    // nginx writes a colon behind it.
    if (text === UNIX || text === "unix:") return trustsUnix;
    const address = parseNetwork(text);
    if (address === undefined || address === "wrong" || text.includes("/")) return false;
    return networks.some((network) => isWithin(address, network));
  };
}

function networkOf(text: string): Network {
  const network = parseNetwork(String(text));
  if (network !== undefined && network !== "wrong") return network;
  throw invalidOption("trustProxy", text, 'contain addresses and networks, as in "10.0.0.0/8" or "2001:db8::/32"');
}
