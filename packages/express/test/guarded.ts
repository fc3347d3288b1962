import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createProtections } from "@sluice/protections";
import type { GuardAdapter } from "@sluice/testkit";
import type express from "express";
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";
import { guard, limit } from "../src/index.js";
import * as protections from "../src/protections.js";

/** The protections' middleware for the suite, on one version of Express. */
export function guardsOn(express_: typeof express): GuardAdapter {
  return {
    middleware: { ...protections, guard },
    checks: { ...protections, limit },
    createProtections,
    async serve({ middleware: guards, parsesBodies, status, property }) {
      const app = express_();
      const errors: unknown[] = [];
      if (parsesBodies) app.use(express_.json());
      for (const guard of guards) app.use(guard as RequestHandler);
      app.use((req, res) => {
        const found = (req as Request & Record<string, unknown>)[property] ?? null;
        res.status(status()).json({ found, body: req.body ?? null });
      });
      const keepError: ErrorRequestHandler = (error, _req, _res, next) => {
        errors.push(error);
        next(error);
      };
      app.use(keepError);
      const server = createServer(app).listen(0, "127.0.0.1");
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
    header: (req: Request, name) => req.headers[name]?.toString(),
    handler: (_req: Request, res: Response) => res.end(`handled ${res.statusCode}`),
    readsBodies: false,
  };
}
