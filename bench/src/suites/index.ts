import type { Suite } from "../suite.js";

/** How to load each suite, in the order in which they run. A case's process loads no other than its own. */
export const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  memory: async () => (await import("./memory.js")).memory,
  redis: async () => (await import("./redis.js")).redis,
  postgres: async () => (await import("./postgres.js")).postgres,
  sqlite: async () => (await import("./sqlite.js")).sqlite,
  dynamodb: async () => (await import("./dynamodb.js")).dynamodb,
  outage: async () => (await import("./outage.js")).outage,
  http: async () => (await import("./http.js")).http,
};
