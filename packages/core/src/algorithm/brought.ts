import { SluiceError, show } from "../errors.js";
import type { Algorithm } from "./algorithm.js";
import type { Policy } from "./policy.js";

/**
 * The property of a policy that holds its algorithm, the same in all copies of this package. Copies by `{ ...policy }` have it too,
 * and JSON leaves it out.
 */
const ALGORITHM: unique symbol = Symbol.for("sluice.algorithm") as never;

/** Freezes a policy that brings its algorithm along, so that bundles contain only the algorithms in use. */
export function withAlgorithm<P extends Policy, S>(policy: P, algorithm: Algorithm<P, S>): P {
  return Object.freeze({ ...policy, [ALGORITHM]: algorithm });
}

/** The algorithm that a policy brings along; `undefined` for plain data. */
export function broughtBy(policy: Policy): Algorithm | undefined {
  return (policy as { [ALGORITHM]?: Algorithm })[ALGORITHM];
}

/**
 * The algorithm of a policy.
 *
 * @throws SluiceError `UNKNOWN_ALGORITHM` for plain data
 */
export function algorithmOf(policy: Policy): Algorithm {
  const algorithm = broughtBy(policy);
  if (algorithm === undefined) throw plainDataError(policy);
  return algorithm;
}

/** The error for a policy that does not bring its algorithm along. */
export function plainDataError({ name }: Policy): SluiceError {
  return new SluiceError("UNKNOWN_ALGORITHM", `policy ${show(name)} is plain data: pass it through policyFrom(…)`);
}
