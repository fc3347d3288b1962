export type {
  Algorithm,
  Clock,
  ConsumeOptions,
  Decision,
  DecisionSource,
  Duration,
  HeaderFormName,
  Limiter,
  LimiterKey,
  LimiterOptions,
  Policy,
  PolicyDecision,
  Rejection,
  ResponseOutcome,
  Store,
} from "@sluice/core";
export {
  clientKey,
  compositeKey,
  createLimiter,
  fixedWindow,
  hmacKey,
  SluiceError,
  slidingLog,
  slidingWindow,
  tokenBucket,
  withoutPort,
} from "@sluice/core";
export { type RateLimitOptions, type RejectionHandler, rateLimit } from "./express.js";
export { decisionOf } from "./found.js";
