import { withoutPort } from "@sluice/core";
import { connectionEnded, type HttpPort } from "@sluice/core/http";
import type { Context } from "koa";

/** Lets guards read a Koa context. */
export const port: HttpPort<Context> = {
  // The value behind `ctx.method`, without going through its two getters.
  method: (ctx) => ctx.req.method ?? "",
  header: (ctx, name) => ctx.req.headers[name]?.toString(),
  address,
  reread: (ctx) => withoutPort(address(ctx)),
  hasLeft: (ctx) => connectionEnded(ctx.req),
  target: (ctx) => ctx.originalUrl,
  // All body parsers put the body into this property.
  body: (ctx) => (ctx.request as { body?: unknown }).body,
  proxyTrust({ app }) {
    if (!app.proxy) return "nobody";
    // Without a `maxIpsCount` Koa takes the first address, which the client can choose.
    return app.maxIpsCount > 0 || app.proxyIpHeader.toLowerCase() !== "x-forwarded-for" ? "some" : "everyone";
  },
  handlerFrame: /koa-compose/,
};

function address(ctx: Context): string | undefined {
  try {
    // Koa counts empty elements, so it would take the proxy's own address for the client's.
    return ctx.app.proxy && ctx.ips.includes("") ? lastOf(ctx) : ctx.ip;
  } catch (error) {
    // An HTTP/2 request whose client has left has no socket.
    if (connectionEnded(ctx.req)) return undefined;
    throw error;
  }
}

/** The address that Koa's settings select if empty elements are ignored. */
function lastOf(ctx: Context): string | undefined {
  const { maxIpsCount, proxyIpHeader } = ctx.app;
  const listed = ctx
    .get(proxyIpHeader)
    .split(",")
    .map((element) => element.trim())
    .filter((element) => element !== "");
  return (maxIpsCount > 0 ? listed.slice(-maxIpsCount) : listed)[0] ?? ctx.ip;
}
