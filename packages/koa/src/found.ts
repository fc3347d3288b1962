import type { Decision } from "@sluice/core";

/** A Koa context, whatever types the app gives its state. */
export interface StateHolder {
  readonly state: object;
}

/** Returns the value that a middleware put into the state of a context. */
export function found<T>(ctx: StateHolder, requestProperty: string): T | undefined {
  return Reflect.get(ctx.state, requestProperty);
}

/**
 * Returns the decision of `rateLimit` or `protect` about a request. If several decided, the last decision. `undefined` if
 * the request was not limited. A function, because a type for Koa's state could conflict with the app's own types.
 *
 * @param requestProperty the middleware's `requestProperty` option
 *
 * @example
 * ```ts
 * import { decisionOf, rateLimit } from "@sluice/koa";
 * import { memoryStore } from "@sluice/store-memory";
 * import Koa from "koa";
 *
 * const app = new Koa();
 * app.use(rateLimit(memoryStore()));
 * app.use((ctx) => {
 *   ctx.body = { left: decisionOf(ctx)?.remaining };
 * });
 * ```
 */
export function decisionOf(ctx: StateHolder, requestProperty = "rateLimit"): Decision | undefined {
  return found(ctx, requestProperty);
}
