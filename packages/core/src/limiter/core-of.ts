import { invalidOption } from "../errors.js";
import type { LimiterCore } from "./decider.js";

const cores = new WeakMap<object, LimiterCore>();

/** Remembers what a limiter is made of, for what is built on limiters and seldom used. */
export function rememberCore(limiter: object, core: LimiterCore): void {
  cores.set(limiter, core);
}

/** @throws SluiceError `INVALID_OPTION` for a limiter that `createLimiter` did not make */
export function coreOf(limiter: object): LimiterCore {
  const core = cores.get(limiter);
  if (core === undefined) throw invalidOption("limiter", limiter, "give what createLimiter returned");
  return core;
}
