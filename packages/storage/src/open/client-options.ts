/* biome-ignore-all lint/suspicious/noTsIgnore: an import that is an error for some users is not an error here */
/*
 * The packages of clients need not be installed. The type of their options is `any` then: "@ts-ignore" is also in the
 * declarations.
 */
/** @ts-ignore */
import type { DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { checkOptions, invalidOption } from "@sluice/core/store";
/** @ts-ignore */
import type { ClusterOptions, RedisOptions } from "ioredis";
/** @ts-ignore */
import type { PoolConfig } from "pg";

import { CLIENT_OPTIONS, type SqliteOptions } from "./client-option-names.js";

/**
 * Options of the clients that `openStore` creates. Only the options for the URL's store are used. They override the URL and
 * Sluice's defaults. Nested objects, such as `tls`, are merged.
 */
export interface ClientOptions {
  /**
   * Options of `ioredis`. For a cluster they may be options of `Cluster`, and of `Redis` for each of its nodes.
   *
   * @example
   * ```ts
   * import { openStore } from "@sluice/storage";
   *
   * const store = await openStore("rediss://:secret@redis.example.com:6380", {
   *   redis: { tls: { ca: "-----BEGIN CERTIFICATE-----\n…" } },
   * });
   * ```
   */
  redis?: (RedisOptions & ClusterOptions) | undefined;
  /** Options of the `Pool` of `pg`. */
  pg?: PoolConfig | undefined;
  /** Options of the `DynamoDBClient` of `@aws-sdk/client-dynamodb`. */
  dynamodb?: DynamoDBClientConfig | undefined;
  /** Options of the database that `node:sqlite`, `better-sqlite3` or `libsql` opens. */
  sqlite?: SqliteOptions | undefined;
}

/** Checked options of one client. */
export type Given = Readonly<Record<string, unknown>>;

/** The client for each URL scheme. */
const CLIENT_OF: Readonly<Record<string, keyof ClientOptions>> = {
  redis: "redis",
  rediss: "redis",
  "redis-cluster": "redis",
  "redis-sentinel": "redis",
  postgres: "pg",
  postgresql: "pg",
  dynamodb: "dynamodb",
  sqlite: "sqlite",
};

/**
 * The options of the client for a scheme. Checks that all options of all clients are known.
 *
 * @throws SluiceError `UNKNOWN_OPTION`, `INVALID_OPTION`
 */
export function clientOptionsOf(scheme: string, options: ClientOptions): Given {
  for (const name of Object.keys(CLIENT_OPTIONS) as (keyof ClientOptions)[]) {
    const given: unknown = options[name];
    if (given === undefined) continue;
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw invalidOption(name, given, "be an object with options of the client");
    }
    const rules = Object.fromEntries(CLIENT_OPTIONS[name].map((option) => [option, "any"] as const));
    checkOptions(given, rules, `openStore's option "${name}"`);
  }
  const client = CLIENT_OF[scheme];
  return client === undefined ? {} : { ...options[client] };
}

/** Merges the options into the defaults. Plain objects are merged. Other values replace the default unless `undefined`. */
export function merged(defaults: Given, given: Given): Given {
  const result: Record<string, unknown> = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    const present = result[name];
    if (isPlain(present) && isPlain(value)) result[name] = merged(present, value);
    else if (value !== undefined) result[name] = value;
  }
  return result;
}

function isPlain(value: unknown): value is Given {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
