import type { Suite } from "../suite.js";

/** Functions that load the suites, in the order in which they run. The process of a case loads only its own suite. */
export const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  memory: async () => (await import("./memory.js")).memory,
  redis: async () => (await import("./redis.js")).redis,
  postgres: async () => (await import("./postgres.js")).postgres,
  sqlite: async () => (await import("./sqlite.js")).sqlite,
  dynamodb: async () => (await import("./dynamodb.js")).dynamodb,
  outage: async () => (await import("./outage.js")).outage,
  http: async () => (await import("./http.js")).http,
};
