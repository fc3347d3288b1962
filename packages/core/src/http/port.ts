import type { MaybePromise } from "../maybe-promise.js";

/**
 * A guard's access to a framework's request. An adapter creates it once; nothing is created for each request.
 *
 * @typeParam Req the framework's request, or its context
 */
export interface HttpPort<Req> {
  /** The method, in upper case. */
  method(request: Req): string;
  /** A field of the request. `name` is in lower case. */
  header(request: Req, name: string): string | undefined;
  /** The client address that the framework trusts. The guard checks it. */
  address(request: Req): string | undefined;
  /**
   * The client address without the additions that servers and proxies may write around it, such as a port. Called only if
   * `address` returns no IP address.
   */
  reread?(request: Req): string | undefined;
  /**
   * Returns whether the client has already left. Called only if there is no address. The guard then throws
   * `CLIENT_ADDRESS_UNUSABLE` without a warning, and the adapter ends the request instead of reporting the error.
   */
  hasLeft?(request: Req): boolean;
  /** The path with the query, as the client sent it. Needed by checks that compare requests. */
  target?(request: Req): string;
  /**
   * The body as earlier code parsed it: text, bytes, or a parsed value. `undefined` if it has not been read. Needed by
   * checks that compare requests.
   */
  body?(request: Req): MaybePromise<unknown>;
  /** For warnings: whether `address` trusts no proxy, the configured ones, or any peer. */
  proxyTrust?(request: Req): "nobody" | "some" | "everyone";
  /** For warnings: matches a stack line that exists only while the framework handles a request. */
  readonly handlerFrame?: RegExp;
}
