import { isIpv4 } from "./ip-address.js";

/** Longer texts can't be an address with a port, and are not read. */
const MAX_LENGTH = 256;

/** `[2001:db8::1]:443`, and any port or none, as in RFC 7239, section 6. */
const BRACKETS = /^\[([^\]]*)\](?::[\w.-]*)?$/;

/** IPv6 in full, with a port behind it and no brackets around it. */
const FULL_IPV6 = /^((?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}):\d+$/i;

/**
 * Returns an address without the additions of servers and proxies: a port, square brackets, quotes and spaces. Any
 * other text is returned unchanged; `clientKey` checks whether the result is an address.
 *
 * @example
 * ```ts
 * import { clientKey, withoutPort } from "@sluice/core";
 *
 * clientKey(withoutPort("203.0.113.7:51234")); // "203.0.113.7"
 * withoutPort("[2001:db8::1]:443"); // "2001:db8::1"
 * ```
 */
export function withoutPort(address: string): string;
export function withoutPort(address: string | undefined): string | undefined;
export function withoutPort(address: string | undefined): string | undefined {
  if (typeof address !== "string" || address.length > MAX_LENGTH) return address;
  const text = unquoted(address.trim());
  const [, bracketed] = BRACKETS.exec(text) ?? [];
  if (bracketed !== undefined) return bracketed;
  const [, full] = FULL_IPV6.exec(text) ?? [];
  if (full !== undefined) return full;
  // Behind a dotted address a colon starts a port, also where that address is the end of an IPv6 address.
  const colon = text.lastIndexOf(":");
  const beforePort = text.slice(0, Math.max(0, colon));
  const hasPort = isIpv4(beforePort, beforePort.lastIndexOf(":") + 1) && /^[\w.-]*$/.test(text.slice(colon + 1));
  return hasPort ? beforePort : text;
}

/** The text of a quoted-string (RFC 9110, section 5.6.4), or a text without quotes as it is. */
function unquoted(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/g, "$1").trim();
}
