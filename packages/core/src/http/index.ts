// The door for authors of adapters and checks.
export { helpUrl, invalidOption } from "../errors.js";
export { type FailedCall, logOutages, type Outage } from "../limiter/outage.js";
export { after } from "../maybe-promise.js";
export { checkOptions, expectNone, type Rule, type Rules } from "../options.js";
export { type ConnectedRequest, clientAddress, connectionEnded, isAboutLeaving } from "./address/connection.js";
export { clientBehind, type ForwardingField, forwardedNodes } from "./address/forwarded.js";
export { formatIpv6, type Ipv6Groups, isIpv4, mappedIpv4, maskIpv6, parseIpv6 } from "./address/ip-address.js";
export {
  type ForwardedClient,
  type ForwardedClientOptions,
  forwardedClient,
  type TrustProxy,
} from "./address/trust-proxy.js";
export {
  ANSWER_RULES,
  type AnswerOptions,
  type Denial,
  type DenierOptions,
  denier,
  type Message,
  type MessageWriter,
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
export type { LegacyReset } from "./headers/legacy.js";
export type { HeaderFormName } from "./headers/writer.js";
export type { IdentityOptions, UnusableAddress } from "./identify.js";
export { limit } from "./limit.js";
export type { LimitDenial } from "./limit-alone.js";
export { checkStoreOrLimiter, type LimitOptionsOf, type Policies, policiesAndOptions } from "./limit-options.js";
export type { HttpPort, ProxyTrust } from "./port.js";
export { createRateLimit, type RateLimitOptionsOf } from "./rate-limit.js";
export {
  type ClosedResponse,
  type EndingResponse,
  type Refunding,
  type RefundWhen,
  type ResponseOutcome,
  refundAtEnd,
  type Settle,
  settleAtEnd,
} from "./settle.js";
export type { Verdict } from "./verdict.js";
export type { Warn, WarningCode } from "./warnings.js";
