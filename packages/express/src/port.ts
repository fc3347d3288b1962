import { withoutPort } from "@sluice/core";
import { clientBehind, connectionEnded, type HttpPort } from "@sluice/core/http";
import type { Request } from "express";

/** Express's `trust proxy` setting as a function. `hop` is 0 for the connection. */
type Trust = (address: string | undefined, hop: number) => boolean;

/** Lets guards read an Express request or a plain Node.js request. */
export const port: HttpPort<Request> = {
  method: (req) => req.method,
  header: (req, name) => req.headers[name]?.toString(),
  address: (req) => req.ip ?? (isExpress(req) ? undefined : req.socket?.remoteAddress),
  reread,
  hasLeft: connectionEnded,
  target: (req) => req.originalUrl,
  body: (req) => req.body,
  proxyTrust(req) {
    if (!isExpress(req) || !req.app.get("trust proxy")) return "nobody";
    // No setting counts this many proxies, and no trust list contains a documentation address.
    return trustOf(req)("192.0.2.1", Number.MAX_SAFE_INTEGER) ? "everyone" : "some";
  },
  handlerFrame: /at Layer\.handle/,
};

/** Requests of other frameworks, such as connect's, are plain Node.js requests. */
function isExpress(req: Request): boolean {
  return req.app !== undefined;
}

function trustOf(req: Request): Trust {
  return req.app.get("trust proxy fn");
}

/**
 * Express does not expect ports. So it takes a trusted proxy with a port for the client, and an empty element for an
 * address. This uses Express's own setting too, but removes the ports first.
 */
function reread(req: Request): string | undefined {
  const peer = req.socket?.remoteAddress;
  if (!isExpress(req)) return withoutPort(peer);
  const value = req.headers["x-forwarded-for"]?.toString();
  // The app may have its own way of finding the address.
  if (value === undefined || Object.hasOwn(req, "ip")) return withoutPort(req.ip);
  const trusts = trustOf(req);
  if (!trusts(peer, 0)) return withoutPort(peer);
  return withoutPort(clientBehind(peer, "x-forwarded-for", value, trusts));
}
