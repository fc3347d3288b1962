// The entry point for authors of adapters and checks.
export { helpUrl, invalidOption } from "../errors.js";
export { type FailedCall, logOutages, type Outage } from "../limiter/outage.js";
export { after } from "../maybe-promise.js";
export { checkOptions, expectNone, type Rule, type Rules } from "../options.js";
export type { BreakerOptions } from "../store/breaker.js";
export { throughBreaker } from "../store/failure-policy.js";
export { type ConnectedRequest, clientAddress, connectionEnded, isAboutLeaving } from "./address/connection.js";
export { clientBehind } from "./address/forwarded.js";
export { formatNetwork, maskNetwork, type Network, parseNetwork } from "./address/network.js";
export {
  type ForwardedClient,
  type ForwardedClientOptions,
  forwardedClient,
} from "./address/trust-proxy.js";
export type { Verdict } from "./answer.js";
export {
  ANSWER_RULES,
  type AnswerOptions,
  type Denial,
  denier,
  type UnavailableDenial,
} from "./answer.js";
export {
  type Answers,
  type Check,
  type CheckContext,
  type CheckSource,
  type DenialOf,
  type Identified,
  PASS,
  type Pass,
  type Refusal,
  type RefuseOptions,
  refuse,
  unavailable,
} from "./check.js";
export { createGuard, GUARD_RULES, type Guard, type GuardOptionsOf } from "./guard.js";
export type { HeaderField } from "./headers/field.js";
export type { HeaderFormName } from "./headers/writer.js";
export type { IdentityOptions } from "./identify.js";
export { limit } from "./limit.js";
export type { LimitDenial } from "./limit-alone.js";
export { checkStoreOrLimiter, type LimitOptionsOf, type Policies, policiesAndOptions } from "./limit-options.js";
export type { HttpPort } from "./port.js";
export { createRateLimit, type RateLimitOptionsOf } from "./rate-limit.js";
export {
  type EndingResponse,
  type RefundWhen,
  type ResponseOutcome,
  refundAtEnd,
  type Settle,
  settleAtEnd,
} from "./settle.js";
export type { Warn, WarningCode } from "./warnings.js";
