import { withoutPort } from "@sluice/core";
import { connectionEnded, type HttpPort } from "@sluice/core/http";
import type { Context } from "koa";

/** The guards' access to Koa's context. */
export const port: HttpPort<Context> = {
  // The value behind `ctx.method`, without its two getters.
  method: (ctx) => ctx.req.method ?? "",
  header: (ctx, name) => ctx.req.headers[name]?.toString(),
  address,
  reread: (ctx) => withoutPort(address(ctx)),
  hasLeft: (ctx) => connectionEnded(ctx.req),
  target: (ctx) => ctx.originalUrl,
  // The property in which every body parser puts the body.
  body: (ctx) => (ctx.request as { body?: unknown }).body,
  proxyTrust({ app }) {
    if (!app.proxy) return "nobody";
    // Without a count Koa takes the first address, which the client writes.
    return app.maxIpsCount > 0 || app.proxyIpHeader.toLowerCase() !== "x-forwarded-for" ? "some" : "everyone";
  },
  handlerFrame: /koa-compose/,
};

function address(ctx: Context): string | undefined {
  try {
    // Koa counts empty elements, so it would take the proxy's own address for the client's.
    return ctx.app.proxy && ctx.ips.includes("") ? lastOf(ctx) : ctx.ip;
  } catch (error) {
    // A request of HTTP/2 whose client has left has no socket.
    if (connectionEnded(ctx.req)) return undefined;
    throw error;
  }
}

/** The address that Koa's settings choose among those that are not empty. */
function lastOf(ctx: Context): string | undefined {
  const { maxIpsCount, proxyIpHeader } = ctx.app;
  const listed = ctx
    .get(proxyIpHeader)
    .split(",")
    .map((element) => element.trim())
    .filter((element) => element !== "");
  return (maxIpsCount > 0 ? listed.slice(-maxIpsCount) : listed)[0] ?? ctx.ip;
}
