export * from "@sluice/core";
export {
  type AnswerOptions,
  type Answers,
  type Check,
  type CheckContext,
  type CheckSource,
  type Denial,
  type DenialOf,
  type ForwardedClientOptions,
  type GuardOptionsOf,
  type HeaderField,
  type HeaderFormName,
  type HttpPort,
  type Identified,
  type IdentityOptions,
  type LimitDenial,
  type LimitOptionsOf,
  PASS,
  type Pass,
  type Policies,
  type RateLimitOptionsOf,
  type RefundWhen,
  type Refusal,
  type RefuseOptions,
  type ResponseOutcome,
  refuse,
  type Settle,
  type UnavailableDenial,
  type Verdict,
  type Warn,
  type WarningCode,
} from "@sluice/core/http";
export { behindProxies } from "./behind-proxies.js";
export { decisionOf, type VariableHolder } from "./found.js";
export type { ConnectionOptions } from "./port.js";
export {
  type GuardOptions,
  guard,
  type LimitOptions,
  limit,
  type RateLimitOptions,
  rateLimit,
} from "./rate-limit.js";
export type { DenialHandler } from "./respond.js";
