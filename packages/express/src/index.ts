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
export { decisionOf } from "./found.js";
