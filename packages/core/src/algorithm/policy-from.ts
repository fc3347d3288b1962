import { invalidOption } from "../errors.js";
import type { Algorithm } from "./algorithm.js";
import { builtInAlgorithms, unknownAlgorithm } from "./built-in.js";
import type { Policy } from "./policy.js";

/**
 * Creates a policy from plain data, such as a file, as `tokenBucket` and the other constructors do from options. It needs
 * all algorithms, so it is a separate function: bundles without it contain only the algorithms in use.
 *
 * @param data the properties of a policy of one of the algorithms that come with Sluice
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`, `UNKNOWN_ALGORITHM`
 *
 * @example
 * ```ts
 * import { createLimiter, policyFrom } from "@sluice/core";
 * import { memoryStore } from "@sluice/store-memory";
 *
 * const file = '{ "name": "daily", "algorithm": "fixed-window", "limit": 10000, "windowMs": 86400000 }';
 * const limiter = createLimiter({ store: memoryStore(), policies: policyFrom(JSON.parse(file)) });
 * ```
 */
export function policyFrom(data: Policy): Policy {
  if (typeof data !== "object" || data === null)
    throw invalidOption("data", data, "be an object with the properties of a policy");
  const algorithm: Algorithm | undefined = builtInAlgorithms.get(data.algorithm);
  if (algorithm?.check === undefined) throw unknownAlgorithm(data);
  return algorithm.check(data);
}
