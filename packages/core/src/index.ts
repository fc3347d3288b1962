// The door for app developers. Adapters re-export all of it.
export { type Duration, type DurationUnit, parseDuration } from "./duration.js";
export { SluiceError, type SluiceErrorCode } from "./errors.js";
export { clientKey } from "./http/address/client-key.js";
export { withoutPort } from "./http/address/without-port.js";
export { compositeKey } from "./http/composite-key.js";
export { type HashKey, hmacKey } from "./http/hash-key.js";
export type { AutoBlock } from "./limiter/auto-block.js";
export type { LimiterKey } from "./limiter/claims.js";
export type { Clock } from "./limiter/clock.js";
export type { ConsumeOptions, Decider } from "./limiter/decider.js";
export type { Decision, DecisionSource, PolicyDecision } from "./limiter/decision.js";
export { type AutoBlockEvent, type EscalatingBlockOptions, escalatingBlock } from "./limiter/escalating-block.js";
export type { LimiterEvents, LimiterListeners } from "./limiter/events.js";
export { createLimiter, type Health, type Limiter, type WaitOptions } from "./limiter/limiter.js";
export type { LimiterOptions } from "./limiter/options.js";
export type { Participant } from "./limiter/together.js";
export type { MaybePromise } from "./maybe-promise.js";
export type { Algorithm, Finding, Next, Step } from "./policy/algorithm.js";
export {
  type FixedWindowPolicy,
  fixedWindow,
  type Policy,
  type Quota,
  type SlidingLogPolicy,
  type SlidingWindowPolicy,
  slidingLog,
  slidingWindow,
  type TokenBucketOptions,
  type TokenBucketPolicy,
  tokenBucket,
  type WindowOptions,
  type WindowPolicy,
} from "./policy/policy.js";
export type { CallOptions, Claim, ClaimFinding, Outcome, Store } from "./store/store.js";
