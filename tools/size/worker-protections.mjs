// What a worker bundles that has all protections: nothing of Node's, and no store but the one that it names.
export { debounce, protect } from "@sluice/hono/protections";
export { createBlocklist, createDebouncer } from "@sluice/protections";
export { memoryStore } from "@sluice/store-memory";
