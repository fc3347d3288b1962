// The parts of core that mutation tests break, and the tests that must fail for each. Paths start at `packages/core`.

/**
 * @typedef {object} Group
 * @property {string[]} mutate  the sources to break
 * @property {string[]} tests  the tests to run on each broken version
 * @property {number} atLeast  the lowest mutation score that passes, in percent
 */

/** @type {Readonly<Record<string, Group>>} */
export const groups = {
  algorithms: {
    mutate: ["src/algorithm/*.ts"],
    tests: [
      "test/algorithm/*.test.ts",
      "test/http/headers.test.ts",
      "test/limiter/custom-algorithm.test.ts",
      "test/limiter/limiter.test.ts",
      "test/store/entry.test.ts",
      "test/store/merge-limits.test.ts",
      "test/store/numbered-batch.test.ts",
      "test/store/stored-entries.test.ts",
      "test/store/kit/remote-store.test.ts",
    ],
    atLeast: 85,
  },
  keys: {
    mutate: [
      "src/http/address/*.ts",
      "src/http/composite-key.ts",
      "src/http/hash-key.ts",
      "src/http/identify.ts",
      "src/limiter/claims.ts",
      "src/store/entry-key.ts",
      "src/store/stored-key.ts",
    ],
    tests: [
      "test/http/{checks,client-key,connection,guard,identify,keys,network,trust-proxy,without-port}.test.ts",
      "test/limiter/{claims,limiter,together}.test.ts",
      "test/store/{entry-key,merge-limits,stored-key}.test.ts",
    ],
    atLeast: 85,
  },
  headers: {
    mutate: ["src/http/headers/*.ts", "src/fetch/*.ts"],
    tests: ["test/fetch/*.test.ts", "test/http/{checks,guard,header-forms,headers}.test.ts"],
    atLeast: 85,
  },
  failures: {
    mutate: [
      "src/limiter/outage.ts",
      "src/store/{batcher,breaker,deadlines,deny-cache,failure-policy,latency,pace,shared-timers}.ts",
    ],
    tests: [
      "test/limiter/{deny-cache,failure,one-deadline,outage,outage-times,repairs,store-down}.test.ts",
      "test/store/{batcher,batchers,breaker,deadlines,denials,failing-parts,latency,pace,pace-rules,shared-timers}.test.ts",
      "test/store/kit/remote-store.test.ts",
    ],
    atLeast: 85,
  },
};
