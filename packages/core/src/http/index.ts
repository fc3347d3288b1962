// The door for authors of adapters and guards.
export { helpUrl, invalidOption } from "../errors.js";
export { decideJointly, type JointDecision, refundJointly } from "../limiter/joint.js";
export { after, type MaybePromise } from "../maybe-promise.js";
export { rejectUnknown } from "../unknown-option.js";
export { type ConnectedRequest, clientAddress, connectionEnded, isAboutLeaving } from "./connection.js";
export { clientBehind, type ForwardingField, forwardedNodes } from "./forwarded.js";
export { createGate, GATE_OPTIONS, type Gate, type GateOptions } from "./gate.js";
export { createGuard, type Guard, type Verdict } from "./guard.js";
export type { HashKey } from "./hash-key.js";
export type { HeaderField } from "./headers/field.js";
export type { LegacyReset } from "./headers/legacy.js";
export type { HeaderFormName } from "./headers/writer.js";
export { formatIpv6, type Ipv6Groups, isIpv4, mappedIpv4, maskIpv6, parseIpv6 } from "./ip-address.js";
export type { GuardOptions, UnusableAddress } from "./options.js";
export type { HttpPort, ProxyTrust } from "./port.js";
export { type ProblemType, problemType, reducedCapacity } from "./problem.js";
export { outcomeOf, type RefundWhen, type ResponseOutcome, type Settle, settleOnce } from "./refund.js";
export {
  type Answer,
  bodyOf,
  type Message,
  type MessageWriter,
  problemBody,
  type Rejection,
  type RejectionOptions,
} from "./rejection.js";
export { type EndingResponse, settleAtEnd } from "./response-end.js";
export {
  type ForwardedClient,
  type ForwardedClientOptions,
  forwardedClient,
  type TrustProxy,
} from "./trust-proxy.js";
