import type { Decision } from "@sluice/core";

/** A context of Hono, whatever the app's own types of its variables are. */
export interface VariableHolder {
  get(name: never): unknown;
}

/** The value that a middleware put into the variables of a context. */
export function found<T>(c: VariableHolder, requestProperty: string): T | undefined {
  return c.get(requestProperty as never) as T | undefined;
}

/**
 * Returns the decision of `rateLimit` or `protect` about a request: the last one, where several decided. `undefined` for a
 * request that was not limited. The types of Hono's variables stay as they are, so they can't conflict with an app's own.
 *
 * @param requestProperty the middleware's option of this name
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
