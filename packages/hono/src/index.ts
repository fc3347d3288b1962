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
export { decisionOf, type VariableHolder } from "./found.js";
export { rateLimit } from "./hono.js";
export type { RateLimitOptions, RejectionHandler } from "./options.js";
