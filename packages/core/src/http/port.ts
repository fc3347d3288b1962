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
}
