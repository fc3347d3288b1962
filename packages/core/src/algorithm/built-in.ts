import { SluiceError, show } from "../errors.js";
import { plainDataError } from "./brought.js";
import type { BuiltInAlgorithm, RemoteForm, StateMerge } from "./built-in-algorithm.js";
import { fixedWindowAlgorithm, fixedWindowMerge, fixedWindowRemote } from "./fixed-window.js";
import type { Policy } from "./policy.js";
import { slidingLogAlgorithm, slidingLogMerge, slidingLogRemote } from "./sliding-log.js";
import { slidingWindowAlgorithm, slidingWindowMerge, slidingWindowRemote } from "./sliding-window.js";
import { tokenBucketAlgorithm, tokenBucketMerge, tokenBucketRemote } from "./token-bucket.js";

/** The names of the algorithms that come with Sluice. A name that is missing in the tables below is a type error. */
export const BUILT_IN_NAMES = ["token-bucket", "fixed-window", "sliding-window", "sliding-log"] as const;

type BuiltInName = (typeof BUILT_IN_NAMES)[number];

/** Returns whether an algorithm that comes with Sluice has this name. */
export function isBuiltIn(name: string): name is BuiltInName {
  return (BUILT_IN_NAMES as readonly string[]).includes(name);
}

const algorithms = [tokenBucketAlgorithm, fixedWindowAlgorithm, slidingWindowAlgorithm, slidingLogAlgorithm];

const remoteForms: Readonly<Record<BuiltInName, RemoteForm>> = {
  "token-bucket": tokenBucketRemote as RemoteForm,
  "fixed-window": fixedWindowRemote as RemoteForm,
  "sliding-window": slidingWindowRemote as RemoteForm,
  "sliding-log": slidingLogRemote as RemoteForm,
};

const stateMerges: Readonly<Record<BuiltInName, StateMerge>> = {
  "token-bucket": tokenBucketMerge as StateMerge,
  "fixed-window": fixedWindowMerge as StateMerge,
  "sliding-window": slidingWindowMerge as StateMerge,
  "sliding-log": slidingLogMerge as StateMerge,
};

/**
 * The error for a policy whose algorithm is not known.
 *
 * @param custom names of algorithms that are known besides those of Sluice
 */
export function unknownAlgorithm(policy: Policy, custom: readonly string[] = []): SluiceError {
  const { name, algorithm } = policy;
  if (isBuiltIn(algorithm)) return plainDataError(policy);
  return new SluiceError(
    "UNKNOWN_ALGORITHM",
    `policy ${show(name)} has the unknown algorithm ${show(algorithm)}. ` +
      `Known: ${[...BUILT_IN_NAMES, ...custom].join(", ")}. Pass others in the option "algorithms"`,
  );
}

/** The algorithms that come with Sluice, by name. */
export const builtInAlgorithms: ReadonlyMap<string, BuiltInAlgorithm> = /* @__PURE__ */ byName(
  algorithms as readonly unknown[] as readonly BuiltInAlgorithm[],
);

function byName(all: readonly BuiltInAlgorithm[]): ReadonlyMap<string, BuiltInAlgorithm> {
  return new Map(all.map((algorithm) => [algorithm.name, algorithm]));
}

/** The form in which databases store a built-in algorithm. */
export function remoteFormOf(algorithm: string): RemoteForm {
  return remoteForms[algorithm as BuiltInName];
}

/** The earliest time at which a policy can have left a state; 0 if unknown. */
export function earliestMs(state: unknown, policy: Policy): number {
  return remoteFormOf(policy.algorithm).earliestMs(state, policy);
}

/** Returns how states of an algorithm merge; `undefined` for one that is not built in. */
export function stateMergeOf(algorithm: string): StateMerge | undefined {
  return isBuiltIn(algorithm) ? stateMerges[algorithm] : undefined;
}
