export { type ImportOptions, importEntries, type MoveSummary } from "./move/import-entries.js";
export { exportEntries, moveState } from "./move/move-state.js";
export type { SqliteOptions } from "./open/client-option-names.js";
export type { ClientOptions } from "./open/client-options.js";
export { type OpenStoreOptions, openStore } from "./open/open-store.js";
export type { OpenedStore } from "./open/opened-store.js";
export { redactUrl } from "./open/secrets.js";
