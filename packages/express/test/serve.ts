import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Adapter, RouteKind } from "@sluice/testkit";
import type express from "express";
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";
import { type DenialHandler, type LimitDenial, rateLimit, type Store } from "../src/index.js";

/**
 * The adapter for the suite, on one version of Express.
 *
 * @param host the address at which apps listen
 */
export function adapterOn(makeApp: typeof express, host = "127.0.0.1"): Adapter<Request, DenialHandler<LimitDenial>> {
  return {
    async serve({ uses, route, trustProxy, hold }) {
      const app = makeApp();
      const errors: unknown[] = [];
      const property = uses.at(-1)?.options?.requestProperty ?? "rateLimit";
      if (trustProxy) app.set("trust proxy", trustProxy === "everyone" ? true : 1);
      for (const { of, policies, options } of uses) {
        if (policies !== undefined) app.use(rateLimit(of as Store, policies, options));
        else app.use(options === undefined ? rateLimit(of) : rateLimit(of, options));
      }
      const handler = routes[route];
      if (handler !== undefined) app.use((req, res, next) => handler(req, res, next, { property, hold }));
      const keepError: ErrorRequestHandler = (error, _req, _res, next) => {
        errors.push(error);
        next(error);
      };
      app.use(keepError);

      const server = createServer(app).listen(0, host);
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
    header: (req, name) => req.headers[name]?.toString(),
    handler: (_req, res, _next, { found }) => res.end(`handled ${found.violated.join(",")}`),
  };
}

interface RouteOptions {
  readonly property: string;
  readonly hold: () => Promise<void>;
}

type Route = (...args: [...Parameters<RequestHandler>, options: RouteOptions]) => unknown;

const routes: Readonly<Record<RouteKind, Route | undefined>> = {
  text: (_req, res: Response) => res.end("ok"),
  decision: (req, res, _next, { property }) => res.json((req as Request & Record<string, unknown>)[property] ?? null),
  throw: () => {
    throw new Error("thrown by the route");
  },
  // Express 4 does not handle rejected promises.
  reject: (_req, _res, next) => Promise.reject(new Error("rejected by the route")).catch(next),
  status(req, res) {
    res.statusCode = Number(req.headers["x-status"]);
    res.end(String(res.statusCode));
  },
  echo: (req, res, next) =>
    text(req).then((body) => {
      res.end(body);
    }, next),
  async hold(_req, res, _next, { hold }) {
    await hold();
    res.statusCode = 500;
    res.end("late");
  },
  stream: (_req, res, _next, { hold }) => Readable.from(parts(hold)).pipe(res),
  none: undefined,
};

async function* parts(hold: () => Promise<void>): AsyncGenerator<string> {
  yield "one,";
  await hold();
  yield "two";
}
