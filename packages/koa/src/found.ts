import type { Decision } from "@sluice/core";

/** A context of Koa, whatever the app's own types of its state are. */
export interface StateHolder {
  readonly state: object;
}

/** The value that a middleware put into the state of a context. */
export function found<T>(ctx: StateHolder, requestProperty: string): T | undefined {
  return Reflect.get(ctx.state, requestProperty);
}

/**
 * Returns the decision of `rateLimit` or `protect` about a request: the last one, where several decided. `undefined` for a
 * request that was not limited. The types of Koa's state stay as they are, so they can't conflict with an app's own.
 *
 * @param requestProperty the middleware's option of this name
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
