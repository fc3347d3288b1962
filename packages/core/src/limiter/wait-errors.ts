import { SluiceError } from "../errors.js";
import type { WaitRequest } from "./wait-line.js";

export function neverFits(): SluiceError {
  return new SluiceError(
    "COST_EXCEEDS_LIMIT",
    "wait: the cost is more than the limit ever allows; nothing was charged. Split the work, or raise the limit.",
  );
}

export function cannotBeMet(waitMs: number, { timeoutMs }: WaitRequest): SluiceError {
  return waitTimeout(`it would take at least ${Math.ceil(waitMs)} ms from now, past its timeout of ${timeoutMs} ms`);
}

export function waitTimeout(why: string): SluiceError {
  return new SluiceError("WAIT_TIMEOUT", `wait: ${why}; nothing was charged`);
}
