import type { BuiltInAlgorithm, RemoteForm, StateMerge } from "./built-in-algorithm.js";
import { type FixedWindowPolicy, fixedWindowAlgorithm, fixedWindowMerge, fixedWindowRemote } from "./fixed-window.js";
import type { Policy } from "./policy.js";
import { type SlidingLogPolicy, slidingLogAlgorithm, slidingLogMerge, slidingLogRemote } from "./sliding-log.js";
import {
  type SlidingWindowPolicy,
  slidingWindowAlgorithm,
  slidingWindowMerge,
  slidingWindowRemote,
} from "./sliding-window.js";
import { type TokenBucketPolicy, tokenBucketAlgorithm, tokenBucketMerge, tokenBucketRemote } from "./token-bucket.js";

/** The policies of the algorithms that come with Sluice. A name that the tables below lack is a type error. */
type BuiltInName = (TokenBucketPolicy | FixedWindowPolicy | SlidingWindowPolicy | SlidingLogPolicy)["algorithm"];

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

/** The algorithms that come with Sluice, by name. */
export const builtInAlgorithms: ReadonlyMap<string, BuiltInAlgorithm> = new Map(
  algorithms.map((algorithm) => [algorithm.name, algorithm as BuiltInAlgorithm]),
);

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
  return Object.hasOwn(stateMerges, algorithm) ? stateMerges[algorithm as BuiltInName] : undefined;
}
