import type { Request, RequestHandler, Response } from "express";

/** Decides for a key and calls back, with an error if it is denied. */
export type KeyedMiddleware = (key: string, next: (error?: unknown) => void) => void;

/**
 * Uses an Express middleware as a limiter of plain keys. The request and response are as small as possible, so that
 * only the middleware is measured.
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
