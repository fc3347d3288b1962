import type { Request, RequestHandler, Response } from "express";

/** Asks for a key and calls back when it is allowed, with an error when it is not. */
export type KeyedMiddleware = (key: string, next: (error?: unknown) => void) => void;

/**
 * An Express middleware as a limiter of plain keys: with as little of a request and a response around it as it needs, so
 * that only the middleware itself is measured.
 */
export function keyedMiddleware(
  make: (keyGenerator: (request: Request) => string, handler: RequestHandler) => RequestHandler,
): KeyedMiddleware {
  const response = { headersSent: false } as Response;
  const middleware = make(
    (request) => (request as unknown as { key: string }).key,
    (_request, _response, next) => next(new Error("a request was denied")),
  );
  return (key, next) => {
    middleware({ key } as unknown as Request, response, next);
  };
}
