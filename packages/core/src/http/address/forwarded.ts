import { keyOfAddress } from "./client-key.js";
import { withoutPort } from "./without-port.js";

/** One parameter of an element, or nothing between two semicolons. Some servers write brackets and colons without quotes. */
const PARAMETER = /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^"\s;]*)))?[ \t]*(;|$)/y;

/**
 * Yields the addresses that proxies added to a field, the last proxy first: an address or another text, or `undefined` for
 * an unreadable element. Reads the field from its end, so that a client can't change how the elements of later proxies are
 * read. Skips empty elements (RFC 9110, section 5.6.1).
 */
function* forwardedNodes(field: "x-forwarded-for" | "forwarded", value: string): Generator<string | undefined> {
  for (const element of field === "forwarded" ? elements(value) : value.split(",").reverse()) {
    if (element.trim() === "") continue;
    yield field === "forwarded" ? readFor(element) : element.trim();
  }
}

/**
 * Finds the client behind trusted proxies: the last address that is not a trusted proxy's, or the first address if all are
 * trusted. `trusts` is called with addresses without their ports. `hop` is 1 for the last address of the field.
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
    // A trusted proxy does not write this, so the address before it belongs to the client and not to a proxy.
    if (hop > 1 && !isProxys(node)) return client;
    client = node;
    if (node === undefined || !trusts(withoutPort(node), hop)) return node;
  }
  return client;
}

/** Texts that proxies write: an address, RFC 7239's unknown or hidden nodes (section 6), no `for`, or nginx's `unix:`. */
function isProxys(node: string | undefined): boolean {
  if (node === undefined) return false;
  return keyOfAddress(withoutPort(node), 128) !== undefined || /^(?:unknown|_[\w.-]+|unix)?(?::[\w.-]*)?$/i.test(node);
}

/** The elements of a Forwarded field (RFC 7239, section 4), the last one first. Commas in quotes do not separate elements. */
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

/** The `for` parameter of an element, without its port. An empty text if the element has none. */
function readFor(element: string): string | undefined {
  let node: string | undefined;
  PARAMETER.lastIndex = 0;
  for (;;) {
    const parameter = PARAMETER.exec(element);
    if (parameter === null) return undefined;
    const [, name = "", quoted, bare = "", end] = parameter;
    // Only the first one counts. Later ones may be text from the client, for example in `host`.
    if (name.toLowerCase() === "for") node ??= withoutPort(quoted?.replace(/\\(.)/g, "$1") ?? bare);
    if (end === "") return node ?? "";
  }
}
