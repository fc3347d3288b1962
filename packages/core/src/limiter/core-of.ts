import type { LimiterCore } from "./decider.js";

/**
 * Where a limiter keeps its core, hidden. A registered symbol, so that the copies of this package in one process, such as the
 * ES module and the CommonJS one, can use each other's limiters.
 */
const CORE: unique symbol = Symbol.for("@sluice/core/limiter-core");

/** Remembers what a limiter is made of, for what is built on limiters and seldom used. */
export function rememberCore(limiter: object, core: LimiterCore): void {
  Object.defineProperty(limiter, CORE, { value: core });
}

/** `undefined` for a limiter that `createLimiter` did not make. */
export function coreOf(limiter: object): LimiterCore | undefined {
  return (limiter as { readonly [CORE]?: LimiterCore })[CORE];
}
