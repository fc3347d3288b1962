import { type Answer, type Decision, type Guard, outcomeOf, type Verdict } from "@sluice/core";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { decisionKeeper } from "./keep-decision.js";

declare global {
  // biome-ignore lint/style/noNamespace: how Express lets others add to its request
  namespace Express {
    interface Request {
      /** What `rateLimit` or `protect` decided about this request; the last one, where several did. */
      rateLimit?: Decision;
    }
  }
}

/** Answers a request in place of a guard. */
export type AnswerHandler<A extends Answer> = (req: Request, res: Response, next: NextFunction, answer: A) => unknown;

/** Makes a guard's verdicts Express's responses. */
export function middlewareOf<Found, A extends Answer>(
  name: string,
  guard: Guard<Request, AnswerHandler<A>, Found, A>,
): RequestHandler {
  const keep = decisionKeeper(guard.requestProperty);

  /** Whether the request may go on. */
  function apply(verdict: Verdict<Found, A> | undefined, req: Request, res: Response, next: NextFunction): boolean {
    if (verdict === undefined) return true;
    const { decision, fields, rejection, settle } = verdict;
    keep(req, decision);
    if (settle !== undefined) res.once("close", () => settle(outcomeOf(res)));
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

  const middleware: RequestHandler = (req, res, next) => {
    const verdict = guard.check(req);
    if (verdict instanceof Promise) {
      verdict.then((settled) => apply(settled, req, res, next)).then((goOn) => goOn && next(), next);
    } else if (apply(verdict, req, res, next)) {
      next();
    }
  };
  return Object.defineProperty(middleware, "name", { value: name });
}
