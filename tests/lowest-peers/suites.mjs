// The suites of the packages, and the lowest versions of their peer dependencies, with which they run here.

/**
 * @typedef {object} LowestPeers
 * @property {string} package  the folder in `packages`
 * @property {readonly string[]} files  parts of the names of its test files
 * @property {Readonly<Record<string, string>>} versions  the dependency of this folder that replaces each import
 */

/** @type {readonly LowestPeers[]} */
export const suites = [
  {
    package: "express",
    files: ["conformance", "express.test"],
    versions: { express: "express5", express4: "express4" },
  },
  { package: "koa", files: ["conformance", "koa.test"], versions: { koa: "koa3", koa2: "koa2" } },
  { package: "hono", files: ["conformance", "hono.test"], versions: { hono: "hono4" } },
  {
    package: "store-redis",
    files: ["conformance.test", "other-clients"],
    versions: {
      ioredis: "ioredis6",
      ioredis5: "ioredis5",
      ioredis4: "ioredis4",
      redis: "redis6",
      redis5: "redis5",
      redis4: "redis4",
    },
  },
  { package: "store-postgres", files: ["conformance", "clients.test"], versions: { pg: "pg8", postgres: "postgres3" } },
  {
    package: "store-dynamodb",
    files: ["conformance", "clients.test"],
    versions: { "@aws-sdk/client-dynamodb": "@aws-sdk/client-dynamodb" },
  },
  {
    package: "storage",
    files: ["open-store.timed.test"],
    versions: { ioredis: "ioredis5", pg: "pg8", "@aws-sdk/client-dynamodb": "@aws-sdk/client-dynamodb" },
  },
  { package: "store-sqlite", files: ["conformance.test", "writes", "races"], versions: { libsql: "libsql" } },
];
