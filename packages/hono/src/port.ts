import { SluiceError, withoutPort } from "@sluice/core";
import {
  type ConnectedRequest,
  connectionEnded,
  type ForwardedClientOptions,
  forwardedClient,
  type HttpPort,
  helpUrl,
} from "@sluice/core/http";
import type { Context, Env } from "hono";
import type { GetConnInfo } from "hono/conninfo";

/** Settings for finding the client of a request in Hono. */
export interface ConnectionOptions extends ForwardedClientOptions {
  /**
   * Returns the connection's addresses: the function of this name of the runtime's adapter, as in
   * `@hono/node-server/conninfo`, `hono/bun`, `hono/deno` or `hono/cloudflare-workers`. Needed unless there is a `key`.
   */
  getConnInfo?: GetConnInfo | undefined;
}

/** Larger bodies are not read ahead of the route: 1 MiB. */
const MAX_BODY = 2 ** 20;

/** Hono runs every handler through `dispatch` of its `compose`, or calls the only one from its own `dispatch`. */
const HANDLER_FRAME = /#?dispatch \(.*hono/;

/**
 * Splits the options into those of a guard and those of the port.
 *
 * @param keyed true if the guard needs no address
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
      'Hono does not know client addresses: pass the option "getConnInfo" of your runtime, or a "key"; ' +
        `see ${helpUrl("CONN_INFO_MISSING")}`,
    );
  }
  const client = forwardedClient(options);
  const peer = (c: Context<E>): string | undefined => {
    try {
      // Anything but a connection, such as a promise of one, has no usable address.
      return getConnInfo?.(c)?.remote?.address;
    } catch (error) {
      if (hasLeft(c)) return undefined;
      throw error;
    }
  };
  const behindProxies = (c: Context<E>): string | undefined => {
    const connected = peer(c);
    // It would be taken for a Unix socket.
    if (connected === undefined && hasLeft(c)) return undefined;
    return client.address(connected, (name) => header(c, name));
  };
  const address = client.trust === "nobody" ? peer : behindProxies;
  const header = (c: Context<E>, name: string): string | undefined => c.req.raw.headers.get(name) ?? undefined;
  return {
    port: {
      method: (c) => c.req.raw.method,
      header,
      address,
      reread: (c) => withoutPort(address(c)),
      hasLeft,
      proxyTrust: () => client.trust,
      handlerFrame: HANDLER_FRAME,
    },
    guardOptions,
  };
}

/** The port for guards with any checks. That of `rateLimit` alone is smaller, which matters in bundles. */
export function withBodies<E extends Env>(port: HttpPort<Context<E>>): HttpPort<Context<E>> {
  return { ...port, target: (c) => pathOf(c.req.url), body: bodyOf };
}

/** The path with the query of an absolute URL. */
function pathOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("://") + 3));
}

/** On Node.js the connection shows it, since a request's signal is aborted only once the response is over. */
function hasLeft<E extends Env>(c: Context<E>): boolean {
  if (c.req.raw.signal.aborted) return true;
  const { incoming } = (c.env ?? {}) as { readonly incoming?: ConnectedRequest };
  return typeof incoming === "object" && incoming !== null && connectionEnded(incoming);
}

/**
 * The body, so that the route can read it as well: as bytes with their type, which Hono converts to any form.
 * `undefined` for a body that is large or of unknown length, or that was read without Hono.
 */
async function bodyOf<E extends Env>({ req }: Context<E>): Promise<ArrayBuffer | undefined> {
  const isRead = Object.keys(req.bodyCache).length > 0;
  const length = Number(req.raw.headers.get("content-length") ?? Number.NaN);
  if (!isRead && (req.raw.bodyUsed || !(length <= MAX_BODY))) return undefined;
  return (await req.blob()).arrayBuffer();
}
