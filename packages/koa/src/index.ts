export * from "@sluice/core";
export type {
  HashKey,
  HeaderFormName,
  LegacyReset,
  Message,
  RefundWhen,
  Rejection,
  ResponseOutcome,
  TrustProxy,
  UnusableAddress,
} from "@sluice/core/http";
export { decisionOf, type StateHolder } from "./found.js";
export { type RateLimitOptions, type RejectionHandler, rateLimit } from "./koa.js";
