import type { MaybePromise } from "@sluice/core";
import { type Denial, type Guard, isAboutLeaving, settleAtEnd, type Verdict } from "@sluice/core/http";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { checkProperty, decisionKeeper } from "./found.js";
import { port } from "./port.js";

/** Answers a denied request. Status and fields are already set. */
export type DenialHandler<D extends Denial = Denial> = (
  req: Request,
  res: Response,
  next: NextFunction,
  denial: D,
) => unknown;

/** Converts a guard's verdicts to Express responses. */
export function middlewareOf<D extends Denial>(
  name: string,
  guard: Guard<Request, DenialHandler<D>, D>,
): RequestHandler {
  const keepers = guard.properties.map((property) => decisionKeeper(checkProperty(property)));

  /** Returns whether the request may continue. */
  function apply(verdict: Verdict<D> | undefined, req: Request, res: Response, next: NextFunction): boolean {
    if (verdict === undefined) return true;
    const { found, others, fields, denial, settle } = verdict;
    for (let i = 0; i < keepers.length; i++) {
      const value = i === 0 ? found : others?.[i - 1];
      if (value !== undefined) keepers[i]?.(req, value);
    }
    if (settle !== undefined) settleAtEnd(res, settle);
    // The response was already sent by something else, such as a timeout, while the store was asked.
    if (res.headersSent) return denial === undefined;
    for (const { name, value, append } of fields) {
      const earlier = append ? res.getHeader(name) : undefined;
      res.setHeader(name, earlier === undefined ? value : `${earlier}, ${value}`);
    }
    if (denial === undefined) return true;
    res.statusCode = denial.status;
    if (guard.handler !== undefined) {
      // Express 4 ignores the result of a handler.
      Promise.resolve(guard.handler(req, res, next, denial)).catch(next);
    } else {
      res.setHeader("Content-Type", denial.contentType);
      res.end(denial.body);
    }
    return false;
  }

  /**
   * A client that left is not an error. But its request must end here, or it would reach the route without being limited.
   */
  function fail(error: unknown, req: Request, next: NextFunction): void {
    if (!isAboutLeaving(error, req, port)) next(error);
  }

  // A separate function: if this code were inline, every call would pay for its closures.
  function applyLater(verdict: Promise<Verdict<D> | undefined>, req: Request, res: Response, next: NextFunction): void {
    verdict
      .then((settled) => apply(settled, req, res, next))
      .then(
        (goOn) => goOn && next(),
        (error) => fail(error, req, next),
      );
  }

  const middleware: RequestHandler = (req, res, next) => {
    let verdict: MaybePromise<Verdict<D> | undefined>;
    try {
      verdict = guard.check(req);
    } catch (error) {
      return fail(error, req, next);
    }
    if (verdict instanceof Promise) {
      applyLater(verdict, req, res, next);
    } else if (apply(verdict, req, res, next)) {
      next();
    }
  };
  return Object.defineProperty(middleware, "name", { value: name });
}
