import {
  type ForwardedClientOptions,
  forwardedClient,
  type GuardOptions,
  type HttpPort,
  type Rejection,
  SluiceError,
} from "@sluice/core";
import type { Context, Env, Next } from "hono";
import type { GetConnInfo } from "hono/conninfo";

/** Answers a rejected request. Status, `Retry-After` and the other fields are set already. */
export type RejectionHandler<E extends Env = Env> = (c: Context<E>, next: Next, rejection: Rejection) => unknown;

/** Options of `rateLimit`. Functions among them are given Hono's context. */
export interface RateLimitOptions<E extends Env = Env>
  extends GuardOptions<Context<E>, RejectionHandler<E>>,
    ForwardedClientOptions {
  /**
   * Tells who is connected: the function of this name of the runtime's adapter, as in `@hono/node-server/conninfo`,
   * `hono/bun`, `hono/deno` or `hono/cloudflare-workers`. Needed unless there is a `key`.
   */
  getConnInfo?: GetConnInfo;
}

/** Hono runs every handler through `dispatch` of its `compose`, or calls the only one from its own `dispatch`. */
const HANDLER_FRAME = /#?dispatch \(.*hono/;

/** Divides the options into those of the guard and what the port needs. @throws SluiceError `CONN_INFO_MISSING` */
export function portOf<E extends Env>(
  options: RateLimitOptions<E>,
): {
  port: HttpPort<Context<E>>;
  guardOptions: GuardOptions<Context<E>, RejectionHandler<E>>;
} {
  const { getConnInfo, trustProxy: _trustProxy, proxyHeader: _proxyHeader, ...guardOptions } = options;
  if (typeof getConnInfo !== "function" && guardOptions.key === undefined) {
    throw new SluiceError(
      "CONN_INFO_MISSING",
      'Hono does not know client addresses by itself: pass the option "getConnInfo" of your runtime, or a "key"; ' +
        "see docs/errors/CONN_INFO_MISSING.md",
    );
  }
  const client = forwardedClient(options);
  const header = (c: Context<E>, name: string): string | undefined => c.req.raw.headers.get(name) ?? undefined;
  return {
    port: {
      method: (c) => c.req.raw.method,
      header,
      address: (c) => client.address(getConnInfo?.(c).remote.address, (name) => header(c, name)),
      proxyTrust: () => client.trust,
      handlerFrame: HANDLER_FRAME,
    },
    guardOptions,
  };
}
