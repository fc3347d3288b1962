// The door for authors of stores: the contract, and the kit that stores are built from.
export type { Algorithm, Finding, Next, Step } from "../algorithm/algorithm.js";
export { builtInAlgorithms, remoteFormOf, stateMergeOf } from "../algorithm/built-in.js";
export type {
  BuiltInAlgorithm,
  KnownWindow,
  RemoteForm,
  ReplyReader,
  StateMerge,
} from "../algorithm/built-in-algorithm.js";
export { BLANK, type CellAlgorithm, type Cells } from "../algorithm/cells.js";
export { timeOf } from "../algorithm/epoch.js";
export type { FixedWindowPolicy } from "../algorithm/fixed-window.js";
export type { Policy, Quota } from "../algorithm/policy.js";
export { nextNumber } from "../algorithm/reply.js";
export type { TokenBucketPolicy } from "../algorithm/token-bucket.js";
export { type Duration, MAX_DURATION_MS, parseDuration } from "../duration.js";
export { invalidOption, SluiceError, type SluiceErrorCode } from "../errors.js";
export { isPromise, type MaybePromise } from "../maybe-promise.js";
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
export { groupsByTime, type NumberedBatch, numberBatch } from "./numbered-batch.js";
export { readOutcome } from "./read-outcome.js";
export {
  type Arriving,
  type BlockRecord,
  blockLifeMs,
  type ClientRecord,
  isLiveBlock,
  type Merge,
  type RecordKind,
  recordMerges,
} from "./records.js";
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
