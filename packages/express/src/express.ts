import {
  createGuard,
  type Decision,
  type GuardOptions,
  type HttpPort,
  type Limiter,
  type Rejection,
  type Store,
  type Verdict,
} from "@sluice/core";
import type { NextFunction, Request, RequestHandler, Response } from "express";

declare global {
  // biome-ignore lint/style/noNamespace: how Express lets others add to its request
  namespace Express {
    interface Request {
      /** What `rateLimit` decided about this request; the last one, where several did. */
      rateLimit?: Decision;
    }
  }
}

/** Answers a rejected request. Status, `Retry-After` and the other fields are set already. */
export type RejectionHandler = (req: Request, res: Response, next: NextFunction, rejection: Rejection) => unknown;

/** Options of {@link rateLimit}. Functions among them are given Express's request. */
export type RateLimitOptions = GuardOptions<Request, RejectionHandler>;

const port: HttpPort<Request> = {
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

/**
 * Middleware for Express 4 and 5 that limits requests: by default 100 a second for each client address, as Express's
 * setting `trust proxy` tells it. It sets the RateLimit fields, puts the decision on `req.rateLimit`, and answers
 * requests over the limit with 429 and a problem document.
 *
 * @param storeOrLimiter where to keep counts, or a limiter that the app shares with other parts of it
 * @throws SluiceError for any option that is not what it should be
 *
 * @example
 * ```ts
 * import { rateLimit, slidingWindow } from "@sluice/express";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * app.use(rateLimit(memoryStore(), { policies: slidingWindow({ limit: 600, window: "1m" }) }));
 * ```
 */
export function rateLimit(storeOrLimiter: Store | Limiter, options: RateLimitOptions = {}): RequestHandler {
  const guard = createGuard(storeOrLimiter, options, port);

  /** Whether the request may go on. */
  function apply(verdict: Verdict | undefined, req: Request, res: Response, next: NextFunction): boolean {
    if (verdict === undefined) return true;
    const { decision, fields, rejection, settle } = verdict;
    (req as Request & Record<string, unknown>)[guard.requestProperty] = decision;
    if (settle !== undefined) {
      res.once("close", () => settle({ status: res.statusCode, aborted: !res.writableFinished }));
    }
    // Somebody else, such as a timeout, answered while the store was asked.
    if (res.headersSent) return rejection === undefined;
    for (const { name, value, append } of fields) {
      const earlier = append ? res.getHeader(name) : undefined;
      res.setHeader(name, earlier === undefined ? value : `${earlier}, ${value}`);
    }
    if (rejection === undefined) return true;
    res.statusCode = rejection.status;
    if (guard.handler !== undefined) {
      // Express 4 does not look at what a handler returns.
      Promise.resolve(guard.handler(req, res, next, rejection)).catch(next);
    } else {
      res.setHeader("Content-Type", rejection.contentType);
      res.end(rejection.body);
    }
    return false;
  }

  return function rateLimit(req, res, next) {
    const verdict = guard.check(req);
    if (verdict instanceof Promise) {
      verdict.then((settled) => apply(settled, req, res, next)).then((goOn) => goOn && next(), next);
    } else if (apply(verdict, req, res, next)) {
      next();
    }
  };
}
