// A worker's bundle with all protections: nothing of Node's, and only the store that it names.
export { debounce, protect } from "@sluice/hono/protections";
export { createBlocklist, createDebouncer } from "@sluice/protections";
export { memoryStore } from "@sluice/store-memory";
