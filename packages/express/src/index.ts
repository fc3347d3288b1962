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
export { type RateLimitOptions, type RejectionHandler, rateLimit } from "./express.js";
export { decisionOf } from "./found.js";
