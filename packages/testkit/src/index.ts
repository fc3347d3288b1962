export { type ManualClock, manualClock } from "./manual-clock.js";
export { type ModelStore, modelStore, threeMethodsOf } from "./model.js";
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
