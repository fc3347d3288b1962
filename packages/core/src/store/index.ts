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
export { NAME, type Policy, type Quota } from "../algorithm/policy.js";
export { nextNumber } from "../algorithm/reply.js";
export type { TokenBucketPolicy } from "../algorithm/token-bucket.js";
export { type Duration, MAX_DURATION_MS, parseDuration } from "../duration.js";
export { invalidOption, SluiceError, type SluiceErrorCode, storeFailure } from "../errors.js";
export { isPromise, type MaybePromise } from "../maybe-promise.js";
export { check, checkOptions, type Rule, type Rules } from "../options.js";
export { startQuietTimer, type Timer } from "../timer.js";
export { type Batcher, type BatcherOptions, createBatcher } from "./batcher.js";
export { createBatchers } from "./batchers.js";
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
export { createDeadlines, type Deadlines, storeTimeout } from "./deadlines.js";
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
export { decideInOrder, joinOutcomes, type PartDecider, partsOf } from "./in-order.js";
export type {
  Batch,
  BatchReply,
  BatchSender,
  DecideCall,
  NotRun,
  NumberedPolicy,
} from "./kit/batch.js";
export { type LastError, watchErrors } from "./kit/connection-errors.js";
export type { PageWriter, Places, StoredEntry } from "./kit/import-pages.js";
export { backOff, byDeadline, LATE, pause } from "./kit/real-time.js";
export { createRemoteStore, type RemoteDatabase, type RemoteStore } from "./kit/remote-store.js";
export { createSweeping, SWEEP_RULES, type Sweep, type Sweeping, type SweepOptions } from "./kit/sweeping.js";
export { createLatency, isRecent, type Latency } from "./latency.js";
export { groupsByTime } from "./numbered-batch.js";
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
export { hasRequestContexts, outsideRequests } from "./request-context.js";
export {
  type Admission,
  type CallOptions,
  type Claim,
  type ClaimFinding,
  checkStore,
  type DecidingStore,
  isDecidingStore,
  isSynchronousStore,
  type Outcome,
  type Store,
  type SynchronousStore,
} from "./store.js";
export { type CreateHash, exportedKey, type StoredKey, type StoredKeys, storedKeys } from "./stored-key.js";
