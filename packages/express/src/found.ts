import type { Decision } from "@sluice/core";

/** The value that a middleware put on a request. */
export function found<T>(req: object, requestProperty: string): T | undefined {
  return Reflect.get(req, requestProperty);
}

/**
 * Returns the decision of `rateLimit` or `protect` about a request: the last one, where several decided. `undefined` for a
 * request that was not limited. The types of Express's request stay as they are, so they can't conflict with an app's own.
 *
 * @param requestProperty the middleware's option of this name
 *
 * @example
 * ```ts
 * import { decisionOf, rateLimit } from "@sluice/express";
 * import { memoryStore } from "@sluice/store-memory";
 * import express from "express";
 *
 * const app = express();
 * app.use(rateLimit(memoryStore()));
 * app.get("/", (req, res) => res.json({ left: decisionOf(req)?.remaining }));
 * ```
 */
export function decisionOf(req: object, requestProperty = "rateLimit"): Decision | undefined {
  return found(req, requestProperty);
}
