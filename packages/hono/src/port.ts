import { type ForwardedClientOptions, forwardedClient, type HttpPort, SluiceError } from "@sluice/core";
import type { Context, Env } from "hono";
import type { GetConnInfo } from "hono/conninfo";

/** How Hono finds out who sent a request. */
export interface ConnectionOptions extends ForwardedClientOptions {
  /**
   * Tells who is connected: the function of this name of the runtime's adapter, as in `@hono/node-server/conninfo`,
   * `hono/bun`, `hono/deno` or `hono/cloudflare-workers`. Needed unless there is a `key`.
   */
  getConnInfo?: GetConnInfo;
}

/** Hono runs every handler through `dispatch` of its `compose`, or calls the only one from its own `dispatch`. */
const HANDLER_FRAME = /#?dispatch \(.*hono/;

/**
 * Divides the options into those of a guard and what the port needs.
 *
 * @param keyed whether the guard asks for no address
 * @throws SluiceError `CONN_INFO_MISSING`
 */
export function portOf<E extends Env, O extends ConnectionOptions>(
  options: O,
  keyed: boolean,
): { port: HttpPort<Context<E>>; guardOptions: Omit<O, keyof ConnectionOptions> } {
  const { getConnInfo, trustProxy: _trustProxy, proxyHeader: _proxyHeader, ...guardOptions } = options;
  if (typeof getConnInfo !== "function" && !keyed) {
    throw new SluiceError(
      "CONN_INFO_MISSING",
      'Hono does not know client addresses by itself: pass the option "getConnInfo" of your runtime, or a "key"; ' +
        "see docs/errors/CONN_INFO_MISSING.md",
    );
  }
  const client = forwardedClient(options);
  // What is no connection, such as a promise of one, has no usable address.
  const peer = (c: Context<E>): string | undefined => getConnInfo?.(c)?.remote?.address;
  const header = (c: Context<E>, name: string): string | undefined => c.req.raw.headers.get(name) ?? undefined;
  return {
    port: {
      method: (c) => c.req.raw.method,
      header,
      address: client.trust === "nobody" ? peer : (c) => client.address(peer(c), (name) => header(c, name)),
      proxyTrust: () => client.trust,
      handlerFrame: HANDLER_FRAME,
    },
    guardOptions,
  };
}
