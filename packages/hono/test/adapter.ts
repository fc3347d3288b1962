import type { Adapter, RouteKind } from "@sluice/testkit";
import { type Context, type Handler, Hono } from "hono";
import type { GetConnInfo } from "hono/conninfo";
import { streamText } from "hono/streaming";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import {
  behindProxies,
  type DenialHandler,
  type ForwardedClientOptions,
  type LimitDenial,
  rateLimit,
  type Store,
} from "../src/index.js";

/** An app that is served by a runtime. */
interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves an app on a free port of the loopback interface. */
export type Listen = (app: Hono) => Promise<Listening>;

/** The adapter for the suite, on one runtime. */
export function adapterOn(
  getConnInfo: GetConnInfo,
  listen: Listen,
  proxyHeader?: ForwardedClientOptions["proxyHeader"],
): Adapter<Context, DenialHandler<LimitDenial>> {
  return {
    async serve({ uses, route, trustProxy, hold }) {
      const app = new Hono();
      const errors: unknown[] = [];
      const property = uses.at(-1)?.options?.requestProperty ?? "rateLimit";
      const proxies = { trustProxy: trustProxy === "everyone" ? () => true : ["127.0.0.1"], proxyHeader };
      for (const { of, policies, options } of uses) {
        const all = { getConnInfo: trustProxy ? behindProxies(getConnInfo, proxies) : getConnInfo, ...options };
        app.use(policies === undefined ? rateLimit(of, all) : rateLimit(of as Store, policies, all));
      }
      const handler = routes[route];
      if (handler !== undefined) app.all("*", (c) => handler(c, { property, hold }));
      app.onError((error, c) => {
        errors.push(error);
        return c.text("Internal Server Error", 500);
      });
      return { ...(await listen(app)), errors };
    },
    header: (c, name) => c.req.header(name),
    handler: (c, _next, { found }) => c.body(`handled ${found.violated.join(",")}`),
  };
}

interface RouteOptions {
  readonly property: string;
  readonly hold: () => Promise<void>;
}

type Route = (c: Context, options: RouteOptions) => ReturnType<Handler>;

const routes: Readonly<Record<RouteKind, Route | undefined>> = {
  text: (c) => c.text("ok"),
  decision: (c, { property }) => c.body(JSON.stringify(c.get(property) ?? null)),
  throw() {
    throw new Error("thrown by the route");
  },
  reject: async () => {
    throw new Error("rejected by the route");
  },
  status(c) {
    const status = Number(c.req.header("x-status"));
    return c.body(String(status), status as ContentfulStatusCode);
  },
  echo: async (c) => c.text(await c.req.text()),
  async hold(c, { hold }) {
    await hold();
    return c.body("late", 500);
  },
  stream: (c, { hold }) =>
    streamText(c, async (stream) => {
      await stream.write("one,");
      await hold();
      await stream.write("two");
    }),
  none: undefined,
};
