export { type Blocklist, type BlocklistOptions, createBlocklist } from "./blocklist/blocklist.js";
export type { BlockEntry, BlockOptions } from "./blocklist/entry.js";
export { createDebouncer, type Debouncer, type DebouncerOptions, type Sighting } from "./debounce.js";
