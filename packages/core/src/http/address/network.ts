import { formatIpv6, type Ipv6Groups, isIpv4, mappedIpv4, maskIpv6, parseIpv6 } from "./ip-address.js";

/** All addresses of one family that start with the same bits. */
export interface Network {
  readonly family: 4 | 6;
  /** Eight groups for both families: IPv4 is in its IPv4-mapped form. */
  readonly groups: readonly number[];
  /** The number of leading bits, of 128, that count. For IPv4 this includes the 96 bits before the address. */
  readonly bits: number;
}

/** The bits before an IPv4 address in IPv6. */
const MAPPED_BITS = 96;

/** Longer texts are not read. This length leaves room for a zone. */
const MAX_LENGTH = 128;

/** Only texts that are meant as a network match this. */
const LIKE_NETWORK = /^([\d.]+|[\da-f:.]*:[\da-f:.]*)\/\d+$/i;

/**
 * Reads an address (as a network of all its bits) or a network such as `10.0.0.0/8`. Returns `undefined` for anything else,
 * and `"wrong"` for a text that looks like a network but is invalid, such as `10.0.0.0/33`.
 */
export function parseNetwork(text: string): Network | undefined | "wrong" {
  if (text.length > MAX_LENGTH) return undefined;
  const slash = text.indexOf("/");
  const start = slash === -1 ? text : text.slice(0, slash);
  const groups = groupsOf(start);
  if (groups === undefined) return LIKE_NETWORK.test(text) ? "wrong" : undefined;
  const family = mappedIpv4(groups) === undefined ? 6 : 4;
  if (slash === -1) return { family, groups, bits: 128 };
  const digits = text.slice(slash + 1);
  const bits = (isIpv4(start) ? MAPPED_BITS : 0) + Number(digits);
  // `::ffff:10.0.0.0/8` is not the network that it seems to be: it would contain all of IPv4.
  if (!/^\d{1,3}$/.test(digits) || bits > 128 || (family === 4 && bits < MAPPED_BITS)) return "wrong";
  return maskNetwork({ family, groups, bits });
}

/** The network with all bits cleared that are not part of it. */
export function maskNetwork({ family, groups, bits }: Network): Network {
  return { family, groups: maskIpv6(groups, bits), bits };
}

/** Returns whether an address or network lies within another network. */
export function isWithin(inner: Network, outer: Network): boolean {
  if (inner.family !== outer.family || inner.bits < outer.bits) return false;
  const { groups } = maskNetwork({ ...inner, bits: outer.bits });
  return outer.groups.every((group, i) => group === groups[i]);
}

/** The one spelling of a network. A network of a single address is written as the address. */
export function formatNetwork({ family, groups, bits }: Network): string {
  if (family === 6) return `${formatIpv6(groups)}/${bits}`;
  const address = mappedIpv4(groups) as string;
  return bits === 128 ? address : `${address}/${bits - MAPPED_BITS}`;
}

function groupsOf(address: string): Ipv6Groups | undefined {
  if (isIpv4(address)) return parseIpv6(`::ffff:${address}`);
  if (!address.includes(":")) return undefined;
  const zone = address.indexOf("%");
  return parseIpv6(zone === -1 ? address : address.slice(0, zone));
}
