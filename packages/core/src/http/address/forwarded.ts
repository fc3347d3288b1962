import { keyOfAddress } from "./client-key.js";
import { withoutPort } from "./without-port.js";

/** One parameter of an element, or nothing between two semicolons. Servers write brackets and colons without quotes too. */
const PARAMETER = /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^"\s;]*)))?[ \t]*(;|$)/y;

/**
 * Yields the addresses that proxies added to a field, the last proxy first: an address or another text, or `undefined`
 * if an element can't be read. The field is read from its end, so that a client can't change how the elements of the
 * proxies after it are read. Empty elements are skipped (RFC 9110, section 5.6.1).
 */
function* forwardedNodes(field: "x-forwarded-for" | "forwarded", value: string): Generator<string | undefined> {
  for (const element of field === "forwarded" ? elements(value) : value.split(",").reverse()) {
    if (element.trim() === "") continue;
    yield field === "forwarded" ? readFor(element) : element.trim();
  }
}

/**
 * Finds the client behind trusted proxies: the last address that is not a trusted proxy's, or the first address if all
 * are. `trusts` is called with addresses without their ports; `hop` is 1 for the last address of the field.
 *
 * @param peer the address of the connection, which is a trusted proxy's
 */
export function clientBehind(
  peer: string | undefined,
  field: "x-forwarded-for" | "forwarded",
  value: string,
  trusts: (address: string, hop: number) => boolean,
): string | undefined {
  let client = peer;
  let hop = 0;
  for (const node of forwardedNodes(field, value)) {
    hop++;
    // A trusted proxy does not write this, so the address before it was not a proxy's but the client's.
    if (hop > 1 && !isProxys(node)) return client;
    client = node;
    if (node === undefined || !trusts(withoutPort(node), hop)) return node;
  }
  return client;
}

/** An address, or what RFC 7239, section 6, has for an unknown or hidden one, or an element without `for`, or nginx's `unix:`. */
function isProxys(node: string | undefined): boolean {
  if (node === undefined) return false;
  return keyOfAddress(withoutPort(node), 128) !== undefined || /^(?:unknown|_[\w.-]+|unix)?(?::[\w.-]*)?$/i.test(node);
}

/** The elements of a Forwarded field (RFC 7239, section 4), the last one first. Commas within quotes part nothing. */
function* elements(value: string): Generator<string> {
  let end = value.length;
  let isQuoted = false;
  for (let i = end - 1; i >= 0; i--) {
    const character = value[i];
    if (character === '"' && !(isQuoted && isEscaped(value, i))) isQuoted = !isQuoted;
    if (character !== "," || isQuoted) continue;
    yield value.slice(i + 1, end);
    end = i;
  }
  yield value.slice(0, end);
}

function isEscaped(value: string, at: number): boolean {
  let backslashes = 0;
  while (value[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

/** The `for` parameter of an element, without its port; an empty text for an element without one. */
function readFor(element: string): string | undefined {
  let node: string | undefined;
  PARAMETER.lastIndex = 0;
  for (;;) {
    const parameter = PARAMETER.exec(element);
    if (parameter === null) return undefined;
    const [, name = "", quoted, bare = "", end] = parameter;
    // The first one counts: the rest may have come from the client, as in `host`.
    if (name.toLowerCase() === "for") node ??= withoutPort(quoted?.replace(/\\(.)/g, "$1") ?? bare);
    if (end === "") return node ?? "";
  }
}
