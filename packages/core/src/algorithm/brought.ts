import { SluiceError, show } from "../errors.js";
import type { Algorithm } from "./algorithm.js";
import type { Policy } from "./policy.js";

/**
 * The property of a policy that holds its algorithm. All copies of this package use the same symbol. Copies made with
 * `{ ...policy }` keep the property, and JSON omits it.
 */
const ALGORITHM: unique symbol = Symbol.for("sluice.algorithm") as never;

/** Attaches the algorithm to a policy and freezes it. Bundles then contain only the algorithms in use. */
export function withAlgorithm<P extends Policy, S>(policy: P, algorithm: Algorithm<P, S>): P {
  return Object.freeze({ ...policy, [ALGORITHM]: algorithm });
}

/** The algorithm attached to a policy; `undefined` if the policy is plain data. */
export function broughtBy(policy: Policy): Algorithm | undefined {
  return (policy as { [ALGORITHM]?: Algorithm })[ALGORITHM];
}

/**
 * Returns the algorithm attached to a policy.
 *
 * @throws SluiceError `UNKNOWN_ALGORITHM` if the policy is plain data
 */
export function algorithmOf(policy: Policy): Algorithm {
  const algorithm = broughtBy(policy);
  if (algorithm === undefined) throw plainDataError(policy);
  return algorithm;
}

/** The error for a policy without an attached algorithm. */
export function plainDataError({ name }: Policy): SluiceError {
  return new SluiceError("UNKNOWN_ALGORITHM", `policy ${show(name)} is plain data: pass it through policyFrom(…)`);
}
