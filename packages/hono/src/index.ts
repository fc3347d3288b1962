export * from "@sluice/core";
export type {
  ForwardedClientOptions,
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
export { decisionOf, type VariableHolder } from "./found.js";
export { rateLimit } from "./hono.js";
export type { RateLimitOptions, RejectionHandler } from "./options.js";
