import type { Decision } from "@sluice/core";

/** A Hono context, whatever types the app gives its variables. */
export interface VariableHolder {
  get(name: never): unknown;
}

/** Returns the value that a middleware put into the variables of a context. */
export function found<T>(c: VariableHolder, requestProperty: string): T | undefined {
  return c.get(requestProperty as never) as T | undefined;
}

/**
 * Returns the decision of `rateLimit` or `protect` about a request. If several decided, the last decision. `undefined` if
 * the request was not limited. A function, because a type for Hono's variables could conflict with the app's own types.
 *
 * @param requestProperty the middleware's `requestProperty` option
 *
 * @example
 * ```ts
 * import { getConnInfo } from "@hono/node-server/conninfo";
 * import { decisionOf, rateLimit } from "@sluice/hono";
 * import { memoryStore } from "@sluice/store-memory";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * app.use(rateLimit(memoryStore(), { getConnInfo }));
 * app.get("/", (c) => c.json({ left: decisionOf(c)?.remaining }));
 * ```
 */
export function decisionOf(c: VariableHolder, requestProperty = "rateLimit"): Decision | undefined {
  return found(c, requestProperty);
}
