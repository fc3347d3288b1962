import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Adapter, RouteKind } from "@sluice/testkit";
import type Koa from "koa";
import type { Context } from "koa";
import { type DenialHandler, type LimitDenial, rateLimit, type Store } from "../src/index.js";

/**
 * The adapter for the suite, on one version of Koa.
 *
 * @param host the address at which apps listen
 */
export function adapterOn(App: typeof Koa, host = "127.0.0.1"): Adapter<Context, DenialHandler<LimitDenial>> {
  return {
    async serve({ uses, route, trustProxy, hold }) {
      const app = new App({ proxy: trustProxy !== false, maxIpsCount: trustProxy === "everyone" ? 0 : 1 });
      const errors: unknown[] = [];
      app.on("error", (error) => errors.push(error));
      const property = uses.at(-1)?.options?.requestProperty ?? "rateLimit";
      for (const { of, policies, options } of uses) {
        if (policies !== undefined) app.use(rateLimit(of as Store, policies, options));
        else app.use(options === undefined ? rateLimit(of) : rateLimit(of, options));
      }
      const handler = routes[route];
      if (handler !== undefined) app.use((ctx) => handler(ctx, { property, hold }));

      const server = createServer(app.callback()).listen(0, host);
      await once(server, "listening");
      return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        errors,
        async close() {
          server.closeAllConnections();
          server.close();
          await once(server, "close");
        },
      };
    },
    header: (ctx, name) => ctx.req.headers[name]?.toString(),
    handler(ctx, _next, { found }) {
      ctx.body = `handled ${found.violated.join(",")}`;
    },
  };
}

interface RouteOptions {
  readonly property: string;
  readonly hold: () => Promise<void>;
}

type Route = (ctx: Context, options: RouteOptions) => unknown;

const routes: Readonly<Record<RouteKind, Route | undefined>> = {
  text(ctx) {
    ctx.body = "ok";
  },
  decision(ctx, { property }) {
    ctx.type = "application/json";
    ctx.body = JSON.stringify(ctx.state[property] ?? null);
  },
  throw() {
    throw new Error("thrown by the route");
  },
  reject: async () => {
    throw new Error("rejected by the route");
  },
  status(ctx) {
    ctx.status = Number(ctx.get("x-status"));
    ctx.body = String(ctx.status);
  },
  async echo(ctx) {
    ctx.body = await text(ctx.req);
  },
  async hold(ctx, { hold }) {
    await hold();
    ctx.status = 500;
    ctx.body = "late";
  },
  stream(ctx, { hold }) {
    ctx.body = Readable.from(parts(hold));
  },
  none: undefined,
};

async function* parts(hold: () => Promise<void>): AsyncGenerator<string> {
  yield "one,";
  await hold();
  yield "two";
}
