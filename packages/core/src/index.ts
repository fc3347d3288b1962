export type { Decision, DecisionSource, PolicyDecision } from "./decision.js";
export { type Duration, parseDuration } from "./duration.js";
export { invalidOption, SluiceError, type SluiceErrorCode } from "./errors.js";
export { after } from "./http/after.js";
export { type LimitFetchOptions, limitFetch } from "./http/client/limit-fetch.js";
export {
  parseRateLimit,
  type RateLimitReport,
  type ReportedLimit,
  type ResponseFields,
} from "./http/client/parse-rate-limit.js";
export { clientKey } from "./http/client-key.js";
export { compositeKey } from "./http/composite-key.js";
export { type ConnectedRequest, clientAddress, connectionEnded, isAboutLeaving } from "./http/connection.js";
export { clientBehind, type ForwardingField, forwardedNodes } from "./http/forwarded.js";
export { createGate, GATE_OPTIONS, type Gate, type GateOptions } from "./http/gate.js";
export { createGuard, type Guard, type Verdict } from "./http/guard.js";
export { type HashKey, hmacKey } from "./http/hash-key.js";
export type { HeaderField } from "./http/headers/field.js";
export type { LegacyReset } from "./http/headers/legacy.js";
export type { HeaderFormName } from "./http/headers/writer.js";
export { formatIpv6, type Ipv6Groups, isIpv4, mappedIpv4, maskIpv6, parseIpv6 } from "./http/ip-address.js";
export type { GuardOptions, UnusableAddress } from "./http/options.js";
export type { HttpPort, ProxyTrust } from "./http/port.js";
export { type ProblemType, problemType, reducedCapacity } from "./http/problem.js";
export { outcomeOf, type RefundWhen, type ResponseOutcome, type Settle, settleOnce } from "./http/refund.js";
export {
  type Answer,
  bodyOf,
  type Message,
  type MessageWriter,
  problemBody,
  type Rejection,
  type RejectionOptions,
} from "./http/rejection.js";
export { type EndingResponse, settleAtEnd } from "./http/response-end.js";
export {
  type ForwardedClient,
  type ForwardedClientOptions,
  forwardedClient,
  type TrustProxy,
} from "./http/trust-proxy.js";
export { withoutPort } from "./http/without-port.js";
export type { AutoBlock, AutoBlockHost } from "./limiter/auto-block.js";
export type { LimiterKey } from "./limiter/claims.js";
export type { Clock } from "./limiter/clock.js";
export { createDeadlines, type Deadlines } from "./limiter/deadlines.js";
export type { ConsumeOptions, Decider } from "./limiter/decider.js";
export { type AutoBlockEvent, type EscalatingBlockOptions, escalatingBlock } from "./limiter/escalating-block.js";
export type { LimiterEvents, LimiterListeners } from "./limiter/events.js";
export { decideJointly, type JointDecision, refundJointly } from "./limiter/joint.js";
export { createLimiter, type Health, type Limiter, type WaitOptions } from "./limiter/limiter.js";
export type { LimiterOptions } from "./limiter/options.js";
export type { Algorithm, Finding, Next, Step } from "./policy/algorithm.js";
export { builtInAlgorithms } from "./policy/built-in.js";
export { BLANK, type CellAlgorithm, type Cells } from "./policy/cells.js";
export { epochAfter, timeOf } from "./policy/epoch.js";
export { fixedWindowAlgorithm } from "./policy/fixed-window.js";
export {
  type FixedWindowPolicy,
  fixedWindow,
  type Policy,
  type Quota,
  type SlidingLogPolicy,
  type SlidingWindowPolicy,
  slidingLog,
  slidingWindow,
  type TokenBucketOptions,
  type TokenBucketPolicy,
  tokenBucket,
  type WindowOptions,
} from "./policy/policy.js";
export { type GrantLog, judgeLog, type LogSummary, slidingLogAlgorithm } from "./policy/sliding-log.js";
export { slidingWindowAlgorithm } from "./policy/sliding-window.js";
export { tokenBucketAlgorithm } from "./policy/token-bucket.js";
export { type Batcher, type BatcherOptions, createBatcher } from "./store/batcher.js";
export {
  type ConnectionErrors,
  canExport,
  canImport,
  type ExportEntries,
  type ExportedEntry,
  type HealthCheck,
  hasConnectionErrors,
  hasHealthCheck,
  type ImportEntries,
} from "./store/capabilities.js";
export { type CompareAndSet, createUpdater, type Seen, type Updater, type Write } from "./store/compare-and-set.js";
export {
  blockEntry,
  clearEntry,
  decideEntries,
  type Entry,
  type EntryChange,
  isEntry,
  refundEntry,
  unreadableState,
  withBlock,
} from "./store/entry.js";
export { scopeOf, splitEntryKey } from "./store/entry-key.js";
export { importDistinct } from "./store/import-distinct.js";
export { decideInOrder, joinOutcomes, type PartDecider, partsOf } from "./store/in-order.js";
export { createKeyedBatcher, type KeyedBatcher, type KeyedBatcherOptions } from "./store/keyed-batcher.js";
export { groupsByTime, type NumberedBatch, numberBatch, numbersOf } from "./store/numbered-batch.js";
export { nextNumber, type ReplyReader, readOutcome, reportedAlgorithms } from "./store/read-outcome.js";
export { repeatEvery } from "./store/repeat-every.js";
export { hasRequestContexts, outsideRequests } from "./store/request-context.js";
export {
  type Admission,
  type CallOptions,
  type Claim,
  type ClaimFinding,
  type DecidingStore,
  isDecidingStore,
  isPromise,
  isSynchronousStore,
  type MaybePromise,
  type Outcome,
  type Store,
  type SynchronousStore,
} from "./store/store.js";
export { exportedKey, type StoredKey, type StoredKeys, storedKeys } from "./store/stored-key.js";
export { rejectUnknown } from "./unknown-option.js";
