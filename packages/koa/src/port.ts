import type { HttpPort } from "@sluice/core";
import type { Context } from "koa";

/** What guards ask of Koa's context. */
export const port: HttpPort<Context> = {
  method: (ctx) => ctx.method,
  header: (ctx, name) => ctx.req.headers[name]?.toString(),
  address: (ctx) => ctx.ip,
  proxyTrust({ app }) {
    if (!app.proxy) return "nobody";
    // Without a count Koa takes the first address, which the client writes.
    return app.maxIpsCount > 0 || app.proxyIpHeader.toLowerCase() !== "x-forwarded-for" ? "some" : "everyone";
  },
  handlerFrame: /koa-compose/,
};
