import { type Duration, parseDuration } from "../duration.js";
import { check, checkOptions } from "../options.js";
import type { Algorithm } from "./algorithm.js";
import { withAlgorithm } from "./brought.js";
import { COUNT, NAME, type Policy, type Quota } from "./policy.js";

/** Options of {@link fixedWindow}, {@link slidingWindow} and {@link slidingLog}. */
export interface WindowOptions {
  /** Printable ASCII, unique within a limiter. Default `"default"`. */
  name?: string | undefined;
  /** Units per window: a whole number of 1 or more. */
  limit: number;
  /** The length of the window. */
  window: Duration;
}

/** The numbers of a policy with a window. */
interface Windowed extends Policy {
  readonly limit: number;
  readonly windowMs: number;
}

/** Returns the checked policy of an algorithm with a window. Errors name the function `maker`. */
export function windowPolicy<P extends Windowed, S>(
  algorithm: Algorithm<P, S>,
  options: WindowOptions,
  maker: string,
  maxLimit?: number,
): P {
  checkOptions(options, { name: NAME, limit: "any", window: "any" }, maker);
  const { name = "default", limit, window } = options;
  check("limit", limit, maxLimit === undefined ? COUNT : { min: 1, max: maxLimit });
  const numbers = { algorithm: algorithm.name, name, limit, windowMs: parseDuration(window, "window") };
  return withAlgorithm(numbers as P, algorithm);
}

/** Checks a policy that may be data from a file, and creates it again with its constructor. */
export function checkWindow<P extends Windowed>(given: P, make: (options: WindowOptions) => P): P {
  const { algorithm, ...numbers } = given;
  checkOptions(numbers, { name: "any", limit: "any", windowMs: "any" }, `a policy with algorithm "${algorithm}"`);
  const { name, limit, windowMs } = numbers;
  return make({ name, limit, window: parseDuration(windowMs, "windowMs") });
}

export function windowQuota({ limit, windowMs }: Windowed): Quota {
  return { limit, windowMs };
}

export function windowNumbers({ limit, windowMs }: Windowed): readonly number[] {
  return [limit, windowMs];
}
