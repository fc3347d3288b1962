import type { MaybePromise } from "@sluice/core";
import { type Answer, type Guard, isAboutLeaving, settleAtEnd, type Verdict } from "@sluice/core/http";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { decisionKeeper } from "./keep-decision.js";
import { checkProperty } from "./node-names.js";
import { port } from "./port.js";

/** Answers a request in place of a guard. */
export type AnswerHandler<A extends Answer> = (req: Request, res: Response, next: NextFunction, answer: A) => unknown;

/** Makes a guard's verdicts Express's responses. */
export function middlewareOf<Found, A extends Answer>(
  name: string,
  guard: Guard<Request, AnswerHandler<A>, Found, A>,
): RequestHandler {
  const keep = decisionKeeper(checkProperty(guard.requestProperty));

  /** Whether the request may go on. */
  function apply(verdict: Verdict<Found, A> | undefined, req: Request, res: Response, next: NextFunction): boolean {
    if (verdict === undefined) return true;
    const { decision, fields, rejection, settle } = verdict;
    keep(req, decision);
    if (settle !== undefined) settleAtEnd(res, settle);
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

  /** A client that left is no error, and its request ends here: it would reach the route without having been limited. */
  function fail(error: unknown, req: Request, next: NextFunction): void {
    if (!isAboutLeaving(error, req, port)) next(error);
  }

  const middleware: RequestHandler = (req, res, next) => {
    let verdict: MaybePromise<Verdict<Found, A> | undefined>;
    try {
      verdict = guard.check(req);
    } catch (error) {
      return fail(error, req, next);
    }
    if (verdict instanceof Promise) {
      verdict
        .then((settled) => apply(settled, req, res, next))
        .then(
          (goOn) => goOn && next(),
          (error) => fail(error, req, next),
        );
    } else if (apply(verdict, req, res, next)) {
      next();
    }
  };
  return Object.defineProperty(middleware, "name", { value: name });
}
