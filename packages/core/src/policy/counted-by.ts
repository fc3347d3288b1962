import type { Algorithm } from "./algorithm.js";
import type { Policy } from "./policy.js";

/** Of the registry, so that two copies of this package know each other's policies. */
const ALGORITHM = Symbol.for("sluice.algorithm");

/**
 * Freezes a policy and keeps its algorithm with it, out of sight of JSON, spreads and comparisons: so a program holds the
 * algorithms that it names, and a bundler leaves out the others.
 */
export function countedBy<P extends Policy, S>(algorithm: Algorithm<P, S>, policy: P): P {
  return Object.freeze(Object.defineProperty(policy, ALGORITHM, { value: algorithm }));
}

/** The algorithm kept with a policy; `undefined` for plain data, such as a policy from a file. */
export function algorithmOf(policy: Policy): Algorithm | undefined {
  return (policy as { [ALGORITHM]?: Algorithm })[ALGORITHM];
}
