import { type Duration, parseDuration, SluiceError } from "@sluice/core";
import { type DecidingStore, invalidOption, rejectUnknown } from "@sluice/core/store";
import { within } from "../within.js";
import { type ClientOptions, clientOptionsOf } from "./client-options.js";
import { openDynamodb } from "./open-dynamodb.js";
import { openMemory } from "./open-memory.js";
import { openPostgres } from "./open-postgres.js";
import { openRedis } from "./open-redis.js";
import { openSqliteFile } from "./open-sqlite-file.js";
import type { Opener } from "./opened.js";
import {
  type Redact,
  redacting,
  SLUICE,
  secretsIn,
  secretsOf,
  shownSetting,
  tellable,
  withoutSecrets,
} from "./secrets.js";
import { parseSetting, type Setting } from "./setting.js";

/** Options of {@link openStore}. */
export interface OpenStoreOptions extends ClientOptions {
  /**
   * Whether to create what the store needs where it is missing: the table in Postgres, SQLite and DynamoDB. For
   * development and tests, and for deployments without a migration step. Default false: `STORE_NOT_READY`.
   */
  migrate?: boolean | undefined;
  /** How long to try to reach the storage. Default `"10s"`. */
  connectTimeout?: Duration | undefined;
}

/** The names of {@link OpenStoreOptions}. */
const OPEN_STORE_OPTIONS: readonly (keyof OpenStoreOptions)[] = [
  "migrate",
  "connectTimeout",
  "redis",
  "pg",
  "dynamodb",
  "sqlite",
];

/** Timers take 31 bits of milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const OPENERS: Readonly<Record<string, Opener>> = {
  memory: openMemory,
  redis: openRedis,
  rediss: openRedis,
  "redis-cluster": openRedis,
  "redis-sentinel": openRedis,
  postgres: openPostgres,
  postgresql: openPostgres,
  dynamodb: openDynamodb,
  sqlite: openSqliteFile,
};

/**
 * Opens the store that one setting names, and makes sure that it answers. Only the packages of that store are loaded. The
 * store owns its client: `close()` ends both.
 *
 * | setting | store | packages |
 * |---|---|---|
 * | `memory:` | this process's memory | `@sluice/store-memory` |
 * | `redis://user:password@host:6379/0`, `rediss://…` with TLS | Redis | `@sluice/store-redis ioredis` |
 * | `redis-cluster://host:6379,other:6379` (with TLS: `?tls=true`) | Redis Cluster | the same |
 * | `redis-sentinel://host:26379,other:26379/mymaster` | the master that Sentinels name | the same |
 * | `postgres://user:password@host:5432/database` | PostgreSQL | `@sluice/store-postgres pg` |
 * | `dynamodb://table?region=eu-west-1` (and `endpoint=…`) | DynamoDB | `@sluice/store-dynamodb @aws-sdk/client-dynamodb` |
 * | `sqlite:file.db` | an SQLite file | `@sluice/store-sqlite`, and before Node.js 22.13 `libsql` |
 *
 * Everything else that a client can be configured with goes into `redis`, `pg`, `dynamodb` and `sqlite`. The clients of Redis and
 * Postgres are created with settings that end silent and demoted connections within seconds.
 *
 * No message, cause or log of it has a user name, a password or an unknown query parameter of the setting in it.
 *
 * @throws SluiceError `INVALID_STORAGE` for a setting that can't be read, `PACKAGE_MISSING` with the line that installs
 * it, `STORAGE_UNAVAILABLE` where the storage can't be reached or used, `STORE_NOT_READY` where it lacks its table
 *
 * @example
 * ```ts
 * import { createLimiter } from "@sluice/core";
 * import { openStore } from "@sluice/protections";
 *
 * const store = await openStore("memory:");
 * const limiter = createLimiter({ store });
 * await limiter.allow("user-123");
 * await store.close();
 * ```
 */
export async function openStore(storage: string, options: OpenStoreOptions = {}): Promise<DecidingStore> {
  rejectUnknown(options, OPEN_STORE_OPTIONS, "openStore");
  const { migrate = false, connectTimeout = "10s" } = options;
  if (typeof migrate !== "boolean") throw invalidOption("migrate", migrate, "it must be a boolean");
  const timeoutMs = parseDuration(connectTimeout, "connectTimeout");
  if (timeoutMs > MAX_TIMEOUT_MS) {
    throw invalidOption("connectTimeout", connectTimeout, `it must be at most ${MAX_TIMEOUT_MS} ms`);
  }
  const parsed = parseSetting(storage);
  const given = clientOptionsOf(parsed.scheme, options);
  const setting: Setting = { ...parsed, secrets: secretsIn(given) };
  const open = OPENERS[setting.scheme] as Opener;
  const redact = redacting(setting);
  const opening = open(setting, { migrate, timeoutMs, given });
  try {
    const { store, end } = await within(opening, timeoutMs);
    if (end === undefined) return store;
    return owning(secretsOf(setting).length === 0 ? store : discreet(store, redact), end);
  } catch (error) {
    // Too late for whoever asked: nobody else would end it.
    opening.then(({ end }) => end?.()).catch(() => {});
    throw unavailable(setting, redact, error);
  }
}

/** The store, which ends its client when it is closed. */
function owning(store: DecidingStore, end: () => Promise<unknown>): DecidingStore {
  let ended: Promise<void> | undefined;
  return {
    ...store,
    close() {
      ended ??= store.close().then(async () => {
        // Whatever it says, it is gone.
        await end().catch(() => {});
      });
      return ended;
    },
  };
}

/** The store, without secrets in its errors: a connection made later may fail with a message that has the user in it. */
function discreet(store: DecidingStore, redact: Redact): DecidingStore {
  const methods = Object.entries(store).map(([name, method]) => {
    if (typeof method !== "function" || name === "exportEntries") return [name, method];
    if (name === "connectionError") return [name, () => withoutSecrets(method(), redact)];
    const call = (...args: unknown[]): unknown =>
      Promise.resolve(method(...args)).catch((error: unknown) => Promise.reject(withoutSecrets(error, redact)));
    return [name, call];
  });
  return Object.fromEntries(methods);
}

/** What to do about a table that is missing. */
export const MIGRATE_HINT = "open it with migrate: true";

/** What says for itself what is to be done, and has no secret in it. */
const CLEAR: readonly string[] = ["INVALID_STORAGE", "PACKAGE_MISSING", "INVALID_OPTION", "UNKNOWN_OPTION"];

function unavailable(setting: Setting, redact: Redact, error: unknown): SluiceError {
  const isOwn = error instanceof SluiceError;
  if (isOwn && CLEAR.includes(error.code)) return error;
  const cause = tellable(isOwn ? (error.cause ?? error) : error, redact);
  const why = tellable(error, redact).message.replace(SLUICE, "");
  const shown = shownSetting(setting);
  if (isOwn && error.code === "STORE_NOT_READY") {
    return new SluiceError("STORE_NOT_READY", `${shown}: ${why}; or ${MIGRATE_HINT}`, { cause });
  }
  return new SluiceError("STORAGE_UNAVAILABLE", `the storage ${shown} can't be used: ${why}`, { cause });
}
