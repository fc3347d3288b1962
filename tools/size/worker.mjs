// What a worker bundles to be limited in memory.
export { rateLimit, tokenBucket } from "@sluice/hono";
export { memoryStore } from "@sluice/store-memory";
