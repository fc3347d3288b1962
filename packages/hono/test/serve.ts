import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Adapter, GuardAdapter } from "@sluice/testkit";
import type { Context } from "hono";
import type { DenialHandler, ForwardedClientOptions, LimitDenial } from "../src/index.js";
import { adapterOn, type Listen } from "./adapter.js";
import { guardsOn } from "./guarded.js";

/** Serves an app with Node.js. */
export function listenOnNode(host = "127.0.0.1"): Listen {
  return async (app) => {
    const server = createAdaptorServer({ fetch: app.fetch }).listen(0, host);
    await once(server, "listening");
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async close() {
        if ("closeAllConnections" in server) server.closeAllConnections();
        server.close();
        await once(server, "close");
      },
    };
  };
}

/**
 * The adapter for the suite, on Node.js.
 *
 * @param host the address at which apps listen
 * @param proxyHeader the field that proxies write
 */
export function adapterOnNode(
  host?: string,
  proxyHeader?: ForwardedClientOptions["proxyHeader"],
): Adapter<Context, DenialHandler<LimitDenial>> {
  return adapterOn(getConnInfo, listenOnNode(host), proxyHeader);
}

/** The protections' middleware for the suite, on Node.js. */
export function guardsOnNode(): GuardAdapter {
  return guardsOn(getConnInfo, listenOnNode());
}
