import type { LimiterCore } from "./decider.js";

const cores = new WeakMap<object, LimiterCore>();

/** Remembers what a limiter is made of, for what is built on limiters and seldom used. */
export function rememberCore(limiter: object, core: LimiterCore): void {
  cores.set(limiter, core);
}

/** `undefined` for a limiter that `createLimiter` did not make. */
export function coreOf(limiter: object): LimiterCore | undefined {
  return cores.get(limiter);
}
