import { helpUrl, SluiceError, show } from "../../errors.js";
import { check, type Rule } from "../../options.js";
import { formatIpv6, isIpv4, mappedIpv4, maskIpv6, parseIpv6 } from "./ip-address.js";

/** An IPv6 customer usually holds a whole /56 (RFC 6177): a longer prefix would give one client many keys. */
export const DEFAULT_IPV6_PREFIX = 56;

/** The number of leading bits of an IPv6 address that identify a client. */
export const IPV6_PREFIX: Rule = { min: 32, max: 128 };

/** Longer texts are not read. This length leaves room for a zone. */
const MAX_LENGTH = 128;

const MAPPED_START = "::ffff:";

/**
 * The key of a client address, equal for all its spellings. IPv4 addresses stay unchanged, and IPv4-mapped IPv6 addresses
 * become IPv4. Other IPv6 addresses become their network of `ipv6Prefix` bits in the form of RFC 5952. A zone id is
 * dropped.
 *
 * @param address the client's address as the framework reports it: `request.ip` in Express
 * @param ipv6Prefix the number of leading bits of an IPv6 address that identify a client: 32 to 128, default 56
 * @throws SluiceError `CLIENT_ADDRESS_UNUSABLE` unless the address is exactly an IP address, `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { clientKey } from "@sluice/core";
 *
 * clientKey("::ffff:192.0.2.1"); // "192.0.2.1"
 * clientKey("2001:DB8:1234:5678::1"); // "2001:db8:1234:5600::/56"
 * ```
 */
export function clientKey(address: string | undefined, ipv6Prefix: number = DEFAULT_IPV6_PREFIX): string {
  check("ipv6Prefix", ipv6Prefix, IPV6_PREFIX);
  const key = keyOfAddress(address, ipv6Prefix);
  if (key === undefined) throw addressUnusable(address);
  return key;
}

/** Like {@link clientKey}, with an `ipv6Prefix` that was already checked. `undefined` for text that is not an IP address. */
export function keyOfAddress(address: string | undefined, ipv6Prefix: number): string | undefined {
  if (typeof address !== "string" || address.length > MAX_LENGTH) return undefined;
  if (isIpv4(address)) return address;
  // A dual-stack socket reports every IPv4 client with this prefix. Cutting it off is faster than parsing.
  if (address.startsWith(MAPPED_START) && isIpv4(address, MAPPED_START.length)) {
    return address.slice(MAPPED_START.length);
  }
  const zone = address.indexOf("%");
  const groups = parseIpv6(zone === -1 ? address : address.slice(0, zone));
  if (groups === undefined) return undefined;
  return mappedIpv4(groups) ?? `${formatIpv6(maskIpv6(groups, ipv6Prefix))}/${ipv6Prefix}`;
}

/**
 * The error for a request whose client can't be identified. It may be shown to the client, so it does not contain the
 * address.
 */
export function addressUnusable(address: unknown): SluiceError {
  const what = typeof address === "string" ? "is not an IP address" : `is ${show(address)}`;
  return new SluiceError(
    "CLIENT_ADDRESS_UNUSABLE",
    `the client address ${what}: see ${helpUrl("CLIENT_ADDRESS_UNUSABLE")}`,
  );
}
