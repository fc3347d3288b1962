import { invalidOption, show } from "../errors.js";
import type { LimiterKey } from "../limiter/claims.js";
import type { MaybePromise } from "../maybe-promise.js";
import { after } from "../maybe-promise.js";
import type { Rules } from "../options.js";
import { addressUnusable, DEFAULT_IPV6_PREFIX, IPV6_PREFIX, keyOfAddress } from "./address/client-key.js";
import type { CheckContext } from "./check.js";
import { type HashKey, hashedKey } from "./hash-key.js";
import { findMadeInHandler } from "./made-in-handler.js";
import type { HttpPort } from "./port.js";
import type { Warn } from "./warnings.js";

/**
 * Selects the requests that a guard checks, and finds their keys.
 *
 * @typeParam Req the argument of the functions: the framework's request, or its context
 */
export interface IdentityOptions<Req> {
  /** Returns the key to limit. Default: the client address, as `clientKey` returns it. */
  key?: ((request: Req) => MaybePromise<LimiterKey>) | undefined;
  /** Requests for which it returns true are neither checked nor counted. */
  skip?: ((request: Req) => MaybePromise<boolean | undefined>) | undefined;
  /**
   * True to charge CORS preflight requests as well. Browsers send them automatically and can't show the reason of a denial.
   * Default false: an `OPTIONS` request with `Access-Control-Request-Method` is not charged.
   */
  chargePreflight?: boolean | undefined;
  /** The number of leading bits of an IPv6 address that identify a client: 32 to 128. Default 56. */
  ipv6Prefix?: number | undefined;
  /**
   * Handles a request whose client address is missing or not an IP address. `"error"` passes `CLIENT_ADDRESS_UNUSABLE` to
   * the framework's error handling, `"shared"` treats all such requests as one client, and `"skip"` lets them through.
   * Default `"error"`, or `"skip"` in a dry run.
   */
  unusableAddress?: "error" | "shared" | "skip" | undefined;
  /** Returns the text to store instead of a key, for keys that may not be stored: see {@link hmacKey}. */
  hashKey?: HashKey | undefined;
}

/** The rules of {@link IdentityOptions}. */
export const IDENTITY_RULES: Rules<IdentityOptions<never>> = {
  key: "function",
  skip: "function",
  chargePreflight: "boolean",
  ipv6Prefix: IPV6_PREFIX,
  unusableAddress: ["error", "shared", "skip"],
  hashKey: "function",
};

/** For `checkOptions`: names that are settings of the framework. */
export const GUARD_HINTS: Readonly<Record<string, string>> = {
  trustProxy:
    'set it in the framework: app.set("trust proxy", 1) in Express, app.proxy = true in Koa, ' +
    "getConnInfo: behindProxies(getConnInfo, { trustProxy }) in Hono.",
};

/** Not an address, so no client has it as key. */
const SHARED_KEY = "unusable-address";

/** Replaces the key of a request that is not checked. A symbol, so that no user's function can return it by mistake. */
const UNCHECKED: unique symbol = Symbol("unchecked");

/** Configuration mistakes show in the first requests. Later requests do not pay for the search. */
const FIRST = 100;

/** Fields in which proxies write the addresses of clients. */
const OF_PROXIES = ["x-forwarded-for", "forwarded"];

/** Fields in which platforms write the client's address. Some runtimes read the address from them. */
const OF_PLATFORMS = ["cf-connecting-ip", "true-client-ip", "fly-client-ip", "x-real-ip"];

/**
 * Creates the first part of a guard. It passes each request to `next` with its key. It returns `undefined` for preflights,
 * skipped requests, and requests without a usable address that may pass.
 *
 * @param middleware the function that created the middleware; warnings name it
 * @param keyless true if no check reads the key, so that a request needs no client address
 */
export function identify<Req, V>(
  options: IdentityOptions<Req>,
  context: CheckContext<Req>,
  middleware: string,
  keyless: boolean,
  next: (request: Req, key: LimiterKey) => MaybePromise<V>,
): (request: Req) => MaybePromise<V | undefined> {
  const { key, skip, chargePreflight = false, hashKey } = options;
  const { port, warn } = context;
  const byAddress = addressKeys(options, context);
  const find: (request: Req) => MaybePromise<LimiterKey | typeof UNCHECKED> = key ?? byAddress;
  const findKey =
    hashKey === undefined
      ? find
      : (request: Req) => after(find(request), (found) => (found === UNCHECKED ? found : hashedKey(hashKey, found)));
  const countUse = findMadeInHandler(port.handlerFrame, middleware);
  let searches = keyless || key !== undefined ? 0 : FIRST;

  function admit(request: Req): MaybePromise<V | undefined> {
    return keyless ? next(request, "") : after(findKey(request), identified, request);
  }

  function identified(found: LimiterKey | typeof UNCHECKED, request: Req): MaybePromise<V | undefined> {
    if (found === UNCHECKED) return undefined;
    if (searches > 0) {
      searches--;
      findProxyMistakes(request, port, warn);
    }
    return next(request, found);
  }

  function unlessSkipped(skipped: boolean | undefined, request: Req): MaybePromise<V | undefined> {
    if (skipped === true) return undefined;
    if (skipped === false || skipped === undefined) return admit(request);
    // Another truthy value is more likely a mistake, and would let all requests through.
    throw invalidOption("skip", skipped, "return true or false");
  }

  return (request) => {
    countUse();
    if (!chargePreflight && isPreflight(request, port)) return undefined;
    return skip === undefined ? admit(request) : after(skip(request), unlessSkipped, request);
  };
}

function addressKeys<Req>(
  options: IdentityOptions<Req>,
  { port, warn, dryRun }: CheckContext<Req>,
): (request: Req) => string | typeof UNCHECKED {
  const { ipv6Prefix = DEFAULT_IPV6_PREFIX, unusableAddress = dryRun === false ? "error" : "skip" } = options;
  return (request) => {
    const address = port.address(request);
    const found = keyOfAddress(address, ipv6Prefix) ?? keyOfAddress(port.reread?.(request), ipv6Prefix);
    if (found !== undefined) return found;
    // The client has left and so has no address. That is not a mistake, and the adapter drops the request.
    if (unusableAddress !== "skip" && port.hasLeft?.(request) === true) throw addressUnusable(address);
    warn("CLIENT_ADDRESS_UNUSABLE", `a client address was ${show(address)}, which is not an IP address.`);
    if (unusableAddress === "error") throw addressUnusable(address);
    return unusableAddress === "shared" ? SHARED_KEY : UNCHECKED;
  };
}

/** Returns whether a request is a CORS preflight, which names the method to come (fetch standard, section 4.8). */
function isPreflight<Req>(request: Req, port: HttpPort<Req>): boolean {
  return port.method(request) === "OPTIONS" && port.header(request, "access-control-request-method") !== undefined;
}

function findProxyMistakes<Req>(request: Req, port: HttpPort<Req>, warn: Warn): void {
  const trust = port.proxyTrust?.(request);
  if (trust === "everyone") {
    warn("EVERY_PROXY_TRUSTED", "every client can choose the address by which it is limited.");
  } else if (trust === "nobody") {
    const address = port.address(request);
    const isIgnored = (name: string) => ![undefined, address].includes(port.header(request, name));
    const field = OF_PROXIES.find((name) => port.header(request, name) !== undefined) ?? OF_PLATFORMS.find(isIgnored);
    if (field === undefined) return;
    warn("FORWARDING_IGNORED", `a request has ${field}, but no proxy is trusted.`);
  }
}
