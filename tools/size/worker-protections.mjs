// A worker with all protections, whose bundle must contain no code for Node.js and only the store that it names.
export { debounce, protect } from "@sluice/hono/protections";
export { createBlocklist, createDebouncer } from "@sluice/protections";
export { memoryStore } from "@sluice/store-memory";
