import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { createProtections } from "@sluice/protections";
import type { GuardAdapter } from "@sluice/testkit";
import type Koa from "koa";
import type { Context, Middleware } from "koa";
import { guard, limit } from "../src/index.js";
import * as protections from "../src/protections.js";

/** The protections' middleware for the suite, on one version of Koa. */
export function guardsOn(App: typeof Koa): GuardAdapter {
  return {
    middleware: { ...protections, guard },
    checks: { ...protections, limit },
    createProtections,
    async serve({ middleware: guards, parsesBodies, status, property }) {
      const app = new App();
      const errors: unknown[] = [];
      app.on("error", (error) => errors.push(error));
      if (parsesBodies) app.use(parseJson);
      for (const guard of guards) app.use(guard as Middleware);
      app.use((ctx) => {
        ctx.status = status();
        ctx.type = "application/json";
        const { body = null } = ctx.request as { body?: unknown };
        ctx.body = JSON.stringify({ found: ctx.state[property] ?? null, body });
      });
      const server = createServer(app.callback()).listen(0, "127.0.0.1");
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
    header: (ctx: Context, name) => ctx.req.headers[name]?.toString(),
    handler(ctx: Context) {
      ctx.body = `handled ${ctx.status}`;
    },
    readsBodies: false,
  };
}

/** A minimal body parser for JSON. */
const parseJson: Middleware = async (ctx, next) => {
  const hasBody = Number(ctx.get("content-length") || 0) > 0;
  Object.assign(ctx.request, { body: hasBody ? await json(ctx.req) : {} });
  await next();
};
