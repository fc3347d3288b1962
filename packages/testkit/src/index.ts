export type { Adapter, AdapterServer, AppUnderTest, RouteKind, Use } from "./adapter/adapter.js";
export { adapterSuite } from "./adapter/adapter-suite.js";
export type { GuardAdapter, GuardedApp, TestedOptions, TestedProtections } from "./guards/guard-adapter.js";
export { guardSuite } from "./guards/guard-suite.js";
export { type OverAdmission, overAdmissions } from "./history/over-admissions.js";
export { type Recorder, recordCalls } from "./history/record-calls.js";
export type {
  RecordedCall,
  RecordedConsume,
  RecordedRefund,
  RecordedReset,
  RecordedTimes,
} from "./history/recorded-call.js";
export { type ManualClock, manualClock } from "./manual-clock.js";
export { type ModelStore, modelStore, threeMethodsOf } from "./model.js";
export type { ProtectionCapabilities } from "./protection/protection-context.js";
export { protectionSuite } from "./protection/protection-suite.js";
export type { Block, Fields, KnownClient, Protections, Shared } from "./protection/protections.js";
export type { DefineTest, SuiteRunner } from "./runner.js";
export {
  type Absent,
  absent,
  type InterruptibleStore,
  type MakeStore,
  type StoreCapabilities,
  type StoreGroup,
  type StoreModule,
} from "./store/capabilities.js";
export { storeSuite } from "./store/store-suite.js";
