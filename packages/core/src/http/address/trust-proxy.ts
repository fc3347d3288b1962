import { invalidOption } from "../../errors.js";
import { check } from "../../options.js";
import type { ProxyTrust } from "../port.js";
import { clientBehind, type ForwardingField, forwardedNodes } from "./forwarded.js";
import { type Ipv6Groups, isIpv4, mappedIpv4, maskIpv6, parseIpv6 } from "./ip-address.js";
import { withoutPort } from "./without-port.js";

/**
 * The proxies that may say who the client is: addresses and networks, as in `["10.0.0.0/8", "::1"]`, or a function of an
 * address without its port. A connection without an address, as of a Unix socket, is `"unix"` in both.
 */
export type TrustProxy = readonly string[] | ((address: string) => boolean);

/** Options of {@link forwardedClient}. */
export interface ForwardedClientOptions {
  /** Default: no proxy, so that the client is the peer of the connection. */
  trustProxy?: TrustProxy | undefined;
  /** The one field to read, which every trusted proxy has to write. Default `"x-forwarded-for"`. */
  proxyHeader?: ForwardingField | undefined;
}

/** Finds the client behind proxies. */
export interface ForwardedClient {
  readonly trust: ProxyTrust;
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
 * Documentation addresses, which no sensible trust list contains (RFC 5737; RFC 3849 and 9637). A list that matches all
 * of one kind trusts all clients of that kind.
 */
const STRANGERS = [
  ["192.0.2.1", "198.51.100.1", "203.0.113.1"],
  ["2001:db8::1", "3fff::1"],
];

interface Network {
  readonly ipv4: boolean;
  readonly groups: Ipv6Groups;
  readonly prefix: number;
}

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
  // Handled separately: it is the default, and reading an address takes longer than deciding.
  if (Array.isArray(trustProxy) && trustProxy.length === 0) return { trust: "nobody", address: (peer) => peer };
  const trusts = typeof trustProxy === "function" ? clearly(trustProxy) : trustOf(trustProxy);

  return {
    trust: STRANGERS.some((strangers) => strangers.every(trusts)) ? "everyone" : "some",
    address(peer, header) {
      if (!trusts(peer === undefined ? UNIX : withoutPort(peer))) return peer;
      const value = header(proxyHeader);
      return value === undefined ? peer : clientBehind(peer, forwardedNodes(proxyHeader, value), trusts);
    },
  };
}

/** Anything truthy, such as a promise, would otherwise trust everybody. */
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
    const address = addressOf(text);
    if (address === undefined) return false;
    return networks.some(({ ipv4, groups, prefix }) => {
      const masked = maskIpv6(address.groups, prefix);
      return ipv4 === address.ipv4 && groups.every((group, i) => group === masked[i]);
    });
  };
}

function networkOf(text: string): Network {
  const [, start = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(String(text)) ?? [];
  const address = addressOf(start);
  // The number of the 128 bits before those that the text counts: IPv4 is the last 32.
  const before = address?.ipv4 && isIpv4(start) ? 96 : 0;
  const prefix = bits === undefined ? 128 : before + Number(bits);
  // `::ffff:10.0.0.0/8` is not the network that it looks like, and would hold all of IPv4.
  if (address === undefined || prefix > 128 || (address.ipv4 && prefix < 96)) {
    throw invalidOption("trustProxy", text, 'have addresses and networks, as in "10.0.0.0/8" or "2001:db8::/32"');
  }
  return { ipv4: address.ipv4, groups: maskIpv6(address.groups, prefix), prefix };
}

/** All spellings of an address have the same groups; IPv4 has those of its IPv4-mapped form. */
function addressOf(text: string): { ipv4: boolean; groups: Ipv6Groups } | undefined {
  const groups = parseIpv6(isIpv4(text) ? `::ffff:${text}` : text.replace(/%.*$/, ""));
  return groups && { ipv4: mappedIpv4(groups) !== undefined, groups };
}
