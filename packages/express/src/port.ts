import type { HttpPort } from "@sluice/core";
import type { Request } from "express";

/** What guards ask of Express's request. */
export const port: HttpPort<Request> = {
  method: (req) => req.method,
  header: (req, name) => req.headers[name]?.toString(),
  address: (req) => req.ip,
  proxyTrust(req) {
    if (!req.app.get("trust proxy")) return "nobody";
    // No number of proxies is as high, and nobody's list has an address that is for documentation.
    return req.app.get("trust proxy fn")("192.0.2.1", Number.MAX_SAFE_INTEGER) ? "everyone" : "some";
  },
  handlerFrame: /at Layer\.handle/,
};
