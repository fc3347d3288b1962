import type { LimiterKey } from "../limiter/claims.js";
import type { Diagnostics } from "./diagnostics.js";
import type { HttpPort } from "./port.js";

/** Mistakes in the set-up show in the first requests; the ones after them pay nothing for the search. */
const FIRST = 100;

/** Fields in which proxies write the addresses of clients. */
const OF_PROXIES = ["x-forwarded-for", "forwarded"];

/** Fields in which platforms write the address of the client. Some runtimes take the address from there. */
const OF_PLATFORMS = ["cf-connecting-ip", "true-client-ip", "fly-client-ip", "x-real-ip"];

/** Who was charged for a request so far: by the identity of the counts, which may be a limiter. */
const charged = new WeakMap<object, Map<object, string[]>>();

/**
 * Makes the function that looks for mistakes in the first requests.
 *
 * @param byAddress whether the client address is the key
 */
export function firstRequests<Req>(
  port: HttpPort<Req>,
  diagnostics: Diagnostics,
  byAddress: boolean,
): (request: Req, counts: object, key: LimiterKey) => void {
  let left = FIRST;
  return (request, counts, key) => {
    if (left === 0) return;
    left--;
    if (byAddress) findProxyMistakes(request, port, diagnostics);
    if (isChargedAgain(request, counts, key)) {
      diagnostics.warn("LIMITED_TWICE", "one request was charged twice to the same limit and key.");
    }
  };
}

function findProxyMistakes<Req>(request: Req, port: HttpPort<Req>, diagnostics: Diagnostics): void {
  const trust = port.proxyTrust?.(request);
  if (trust === "everyone") {
    diagnostics.warn("EVERY_PROXY_TRUSTED", "every client may write the address by which it is limited.");
  } else if (trust === "nobody") {
    const address = port.address(request);
    const isIgnored = (name: string) => ![undefined, address].includes(port.header(request, name));
    const field = OF_PROXIES.find((name) => port.header(request, name) !== undefined) ?? OF_PLATFORMS.find(isIgnored);
    if (field === undefined) return;
    diagnostics.warn("FORWARDING_IGNORED", `a request came with ${field}, but no proxy is trusted.`);
  }
}

function isChargedAgain<Req>(request: Req, counts: object, key: LimiterKey): boolean {
  if (typeof request !== "object" || request === null) return false;
  const earlier = charged.get(request) ?? new Map<object, string[]>();
  charged.set(request, earlier);
  const keys = earlier.get(counts) ?? [];
  earlier.set(counts, keys);
  const text = textOf(key);
  const again = keys.includes(text);
  keys.push(text);
  return again;
}

/** A text for each key; what is no key has any, since the limiter refuses it. */
function textOf(key: LimiterKey): string {
  if (typeof key === "string") return JSON.stringify(key);
  return JSON.stringify(Object.entries(key ?? {}).map(([name, own]) => [name, typeof own === "string" ? own : ""]));
}
