/** The request field from which the addresses behind a trusted proxy are read. */
export type ForwardingField = "x-forwarded-for" | "forwarded";

/** Name, value without its quotes or within them, and what follows: a pair of the same element, another one, or the end. */
const PAIR = /[ \t]*([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w:[\]-]+)|"((?:[^"\\]|\\.)*)")[ \t]*(;|,|$)/y;

/** An address of either kind, with the port that RFC 7239, section 6, lets follow it. */
const NODE = /^(?:\[([^\]]*)\]|([^:]*))(?::[\w.-]+)?$/;

/**
 * The addresses of a field, the client's first, each as it is written: whether it is one has to be seen. `undefined` when
 * the field can't be read, since part of it is written by the client.
 */
export function forwardedAddresses(field: ForwardingField, value: string): readonly string[] | undefined {
  return field === "forwarded" ? readForwarded(value) : value.split(",").map((part) => part.trim());
}

/** The `for` parameters of a Forwarded field (RFC 7239, section 4); an empty text for an element without one. */
function readForwarded(value: string): readonly string[] | undefined {
  const addresses: string[] = [];
  let address = "";
  PAIR.lastIndex = 0;
  for (;;) {
    const pair = PAIR.exec(value);
    if (pair === null) return undefined;
    const [, name = "", bare, quoted = "", end] = pair;
    if (name.toLowerCase() === "for") address = addressOf(bare ?? quoted.replace(/\\(.)/g, "$1"));
    if (end === ";") continue;
    addresses.push(address);
    address = "";
    if (end === "") return addresses;
  }
}

function addressOf(node: string): string {
  const [, ipv6, other] = NODE.exec(node) ?? [];
  // Square brackets tell an IPv6 address from an IPv4 address with a port; some proxies leave them out.
  return ipv6 ?? other ?? node;
}
