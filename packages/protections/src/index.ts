export { type Blocklist, type BlocklistOptions, createBlocklist } from "./blocklist/blocklist.js";
export type { BlockEntry, BlockOptions } from "./blocklist/entry.js";
export { type Client, type Clients, type ClientsOptions, createClients, type FieldsUpdate } from "./clients/clients.js";
export type { ClientFields, JsonValue } from "./clients/fields.js";
export { createDebouncer, type Debouncer, type DebouncerOptions, type Sighting } from "./debounce.js";
export { type OpenStoreOptions, openStore } from "./storage/open-store.js";
export { exportEntries } from "./move/export-entries.js";
export { type ImportOptions, importEntries, type MoveSummary } from "./move/import-entries.js";
export { migrate } from "./move/migrate.js";
