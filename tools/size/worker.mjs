// A worker's bundle for limits in memory.
export { rateLimit, tokenBucket } from "@sluice/hono";
export { memoryStore } from "@sluice/store-memory";
