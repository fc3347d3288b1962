// A worker with limits in memory, whose bundle is measured.
export { rateLimit, tokenBucket } from "@sluice/hono";
export { memoryStore } from "@sluice/store-memory";
