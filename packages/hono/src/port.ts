import { SluiceError, withoutPort } from "@sluice/core";
import { type HttpPort, helpUrl } from "@sluice/core/http";
import type { Context, Env } from "hono";
import type { GetConnInfo } from "hono/conninfo";
import { trustOf } from "./behind-proxies.js";
import { hasLeft } from "./has-left.js";

/** Settings for finding the client of a request in Hono. */
export interface ConnectionOptions {
  /**
   * Returns the connection's addresses. Pass the function of this name from the runtime's adapter, such as
   * `@hono/node-server/conninfo`, `hono/bun`, `hono/deno` or `hono/cloudflare-workers`. Behind proxies, pass the result of
   * `behindProxies`. Required unless there is a `key`.
   */
  getConnInfo?: GetConnInfo | undefined;
}

/** Bodies larger than this, 1 MiB, are not read before the route runs. */
const MAX_BODY = 2 ** 20;

/** Hono runs handlers through `dispatch` of its `compose`. If there is only one handler, its own `dispatch` calls it. */
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
  const { getConnInfo, ...guardOptions } = options;
  if (typeof getConnInfo !== "function" && !keyed) {
    throw new SluiceError(
      "CONN_INFO_MISSING",
      'Hono does not know client addresses: pass the option "getConnInfo" of your runtime, or a "key"; ' +
        `see ${helpUrl("CONN_INFO_MISSING")}`,
    );
  }
  const address = (c: Context<E>): string | undefined => {
    try {
      // Another value, such as a promise of a connection, has no usable address.
      return getConnInfo?.(c)?.remote?.address;
    } catch (error) {
      if (hasLeft(c)) return undefined;
      throw error;
    }
  };
  const header = (c: Context<E>, name: string): string | undefined => c.req.raw.headers.get(name) ?? undefined;
  return {
    port: {
      method: (c) => c.req.raw.method,
      header,
      address,
      reread: (c) => withoutPort(address(c)),
      hasLeft,
      proxyTrust: () => trustOf(getConnInfo),
      handlerFrame: HANDLER_FRAME,
    },
    guardOptions,
  };
}

/** The port for guards with any checks. The port of `rateLimit` is smaller, which matters in bundles. */
export function withBodies<E extends Env>(port: HttpPort<Context<E>>): HttpPort<Context<E>> {
  return { ...port, target: (c) => pathOf(c.req.url), body: bodyOf };
}

/** The path with the query of an absolute URL. */
function pathOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("://") + 3));
}

/**
 * The body as bytes with their type, which Hono converts to any form, so that the route can read it too. `undefined` for a
 * body that is large, of unknown length, or was read without Hono.
 */
async function bodyOf<E extends Env>({ req }: Context<E>): Promise<ArrayBuffer | undefined> {
  const isRead = Object.keys(req.bodyCache).length > 0;
  const length = Number(req.raw.headers.get("content-length") ?? Number.NaN);
  if (!isRead && (req.raw.bodyUsed || !(length <= MAX_BODY))) return undefined;
  return (await req.blob()).arrayBuffer();
}
