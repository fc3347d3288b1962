// The entry point for authors of stores: the contract, and the parts to build a store from. See `docs/write-a-store.md`.
export type { Algorithm, Finding, Next, Step } from "../algorithm/algorithm.js";
export { algorithmOf } from "../algorithm/brought.js";
export { builtInAlgorithms } from "../algorithm/built-in.js";
export type { BuiltInAlgorithm } from "../algorithm/built-in-algorithm.js";
export type { Policy, Quota } from "../algorithm/policy.js";
export { type Duration, parseDuration } from "../duration.js";
export { invalidOption, SluiceError, type SluiceErrorCode } from "../errors.js";
export type { MaybePromise } from "../maybe-promise.js";
export { check, checkOptions, type Rule, type Rules } from "../options.js";
export { asynchronous } from "./asynchronous.js";
export { type BreakerOptions, reportedByStore } from "./breaker.js";
export {
  type Capabilities,
  type ConnectionErrors,
  can,
  type ExportEntries,
  type ExportedEntry,
  type HealthCheck,
  type ImportEntries,
} from "./capabilities.js";
export { type CompareAndSet, createUpdater, type Seen, type Updater, type Write } from "./compare-and-set.js";
export { storeTimeout } from "./deadlines.js";
export { decideEntries, type Entry, unreadableState } from "./entry.js";
export { remote } from "./failure-policy.js";
export type { Batch, BatchReply, BatchSender, DecideCall, NotRun } from "./kit/batch.js";
export { watchErrors } from "./kit/connection-errors.js";
export type { PageWriter, Places, StoredEntry } from "./kit/import-pages.js";
export { createRemoteStore, type RemoteDatabase, type RemoteStore } from "./kit/remote-store.js";
export {
  createSweeping,
  type NextSweepTurn,
  SWEEP_RULES,
  type Sweep,
  type SweepOptions,
  type SweepTurn,
} from "./kit/sweeping.js";
export { isRemote, type RemoteMark, type RemoteStoreMark } from "./remote-mark.js";
export {
  type Admission,
  type CallOptions,
  type Claim,
  type ClaimFinding,
  checkStore,
  type DecidingStore,
  type Outcome,
  type Store,
  type SynchronousStore,
} from "./store.js";
export { type CreateHash, exportedKey, type StoredKey, type StoredKeys, storedKeys } from "./stored-key.js";
