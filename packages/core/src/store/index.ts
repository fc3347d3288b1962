// The door for authors of stores: the contract, and the kit that stores are built from.
export { type Duration, type DurationUnit, parseDuration } from "../duration.js";
export { invalidOption, SluiceError, type SluiceErrorCode } from "../errors.js";
export { isPromise, type MaybePromise } from "../maybe-promise.js";
export type { Algorithm, Finding, Next, Step } from "../policy/algorithm.js";
export { builtInAlgorithms } from "../policy/built-in.js";
export { BLANK, type CellAlgorithm, type Cells } from "../policy/cells.js";
export { epochAfter, timeOf } from "../policy/epoch.js";
export { fixedWindowAlgorithm } from "../policy/fixed-window.js";
export type {
  FixedWindowPolicy,
  Policy,
  Quota,
  SlidingLogPolicy,
  SlidingWindowPolicy,
  TokenBucketPolicy,
  WindowPolicy,
} from "../policy/policy.js";
export { type GrantLog, judgeLog, type LogSummary, slidingLogAlgorithm } from "../policy/sliding-log.js";
export { slidingWindowAlgorithm } from "../policy/sliding-window.js";
export { tokenBucketAlgorithm } from "../policy/token-bucket.js";
export { rejectUnknown } from "../unknown-option.js";
export { type Batcher, type BatcherOptions, createBatcher } from "./batcher.js";
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
} from "./capabilities.js";
export { type CompareAndSet, createUpdater, type Seen, type Updater, type Write } from "./compare-and-set.js";
export { createDeadlines, type Deadlines } from "./deadlines.js";
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
} from "./entry.js";
export { scopeOf, splitEntryKey } from "./entry-key.js";
export { importDistinct } from "./import-distinct.js";
export { decideInOrder, joinOutcomes, type PartDecider, partsOf } from "./in-order.js";
export { createKeyedBatcher, type KeyedBatcher, type KeyedBatcherOptions } from "./keyed-batcher.js";
export { groupsByTime, type NumberedBatch, numberBatch, numbersOf } from "./numbered-batch.js";
export { nextNumber, type ReplyReader, readOutcome, reportedAlgorithms } from "./read-outcome.js";
export { repeatEvery } from "./repeat-every.js";
export { hasRequestContexts, outsideRequests } from "./request-context.js";
export {
  type Admission,
  type CallOptions,
  type Claim,
  type ClaimFinding,
  type DecidingStore,
  isDecidingStore,
  isSynchronousStore,
  type Outcome,
  type Store,
  type SynchronousStore,
} from "./store.js";
export { exportedKey, type StoredKey, type StoredKeys, storedKeys } from "./stored-key.js";
