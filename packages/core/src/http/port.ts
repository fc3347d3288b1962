/** Whom a framework believes about the address of a client: no proxy, the ones it was told of, or whoever is connected. */
export type ProxyTrust = "nobody" | "some" | "everyone";

/**
 * What the guard asks of a framework's request. An adapter writes it down once; nothing is made for each request.
 *
 * @typeParam Req the framework's request, or its context
 */
export interface HttpPort<Req> {
  /** The method, in upper case. */
  method(request: Req): string;
  /** A field of the request. `name` is in lower case. */
  header(request: Req, name: string): string | undefined;
  /** The client address that the framework trusts; whatever it is, the guard checks it. */
  address(request: Req): string | undefined;
  /** For diagnostics: which proxies `address` believes. */
  proxyTrust?(request: Req): ProxyTrust;
  /** For diagnostics: matches a line of a stack that is only there while the framework handles a request. */
  readonly handlerFrame?: RegExp;
}
