import { createDeadlines } from "@sluice/core/kit";
import {
  checkOptions,
  type Duration,
  type ExportedEntry,
  parseDuration,
  type Rules,
  SluiceError,
} from "@sluice/core/store";
import { type ClientOptions, clientOptionsOf } from "./client-options.js";
import { openDynamodb } from "./open-dynamodb.js";
import { openMemory } from "./open-memory.js";
import { openPostgres } from "./open-postgres.js";
import { openRedis } from "./open-redis.js";
import { openSqliteFile } from "./open-sqlite-file.js";
import type { OpenedStore } from "./opened-store.js";
import type { Opener } from "./opener.js";
import { type Redact, redacting, SLUICE, secretsIn, secretsOf, shownUrl, tellable, withoutSecrets } from "./secrets.js";
import { parseStoreUrl, type StoreUrl } from "./store-url.js";

/** Options of {@link openStore}. */
export interface OpenStoreOptions extends ClientOptions {
  /**
   * True to create a missing table in Postgres, SQLite or DynamoDB. Use it in development, in tests, and in deployments
   * without a migration step. Default false: a missing table is a `STORE_NOT_READY` error.
   */
  createSchema?: boolean | undefined;
  /** The maximum time to reach the store. Default `"10s"`. */
  connectTimeout?: Duration | undefined;
}

const RULES: Rules<OpenStoreOptions> = {
  createSchema: "boolean",
  connectTimeout: "any",
  redis: "any",
  pg: "any",
  dynamodb: "any",
  sqlite: "any",
};

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
 * Opens the store that a URL names, and checks that it answers. Loads only the packages of that store. The store owns its
 * client: `close()` closes both.
 *
 * | URL | store | packages |
 * |---|---|---|
 * | `memory:` | this process's memory | `@sluice/store-memory` |
 * | `redis://user:password@host:6379/0`, `rediss://…` with TLS | Redis | `@sluice/store-redis ioredis` |
 * | `redis-cluster://host:6379,other:6379` (with TLS: `?tls=true`) | Redis Cluster | the same |
 * | `redis-sentinel://host:26379,other:26379/mymaster` | the master that Sentinels name | the same |
 * | `postgres://user:password@host:5432/database` | PostgreSQL | `@sluice/store-postgres pg` |
 * | `dynamodb://table?region=eu-west-1` (and `endpoint=…`) | DynamoDB | `@sluice/store-dynamodb @aws-sdk/client-dynamodb` |
 * | `sqlite:file.db` | an SQLite file | `@sluice/store-sqlite`, and before Node.js 22.13 `libsql` |
 *
 * Set all other options of a client in `redis`, `pg`, `dynamodb` and `sqlite`. The clients of Redis and Postgres get
 * settings that end silent and demoted connections within seconds.
 *
 * No message, cause or log contains a user name, a password or an unknown query parameter of the URL.
 *
 * @throws SluiceError `INVALID_STORAGE` for a URL that can't be read, `PACKAGE_MISSING` with the command that installs the
 * package, `STORAGE_UNAVAILABLE` if the store can't be reached or used, `STORE_NOT_READY` if it has no table
 *
 * @example
 * ```ts
 * import { createLimiter } from "@sluice/core";
 * import { openStore } from "@sluice/storage";
 *
 * const store = await openStore("memory:");
 * const limiter = createLimiter({ store });
 * await limiter.allow("user-123");
 * await store.close();
 * ```
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<OpenedStore> {
  checkOptions(options, RULES, "openStore");
  const { createSchema = false, connectTimeout = "10s" } = options;
  const timeoutMs = parseDuration(connectTimeout, "connectTimeout", MAX_TIMEOUT_MS);
  const parsed = parseStoreUrl(url);
  const given = clientOptionsOf(parsed.scheme, options);
  const storeUrl: StoreUrl = { ...parsed, secrets: secretsIn(given) };
  const open = OPENERS[storeUrl.scheme] as Opener;
  const redact = redacting(storeUrl);
  const opening = open(storeUrl, { createSchema, timeoutMs, given });
  try {
    const { store, end } = await within(opening, timeoutMs);
    if (end === undefined) return store;
    return owning(secretsOf(storeUrl).length === 0 ? store : discreet(store, redact), end);
  } catch (error) {
    // The caller no longer waits for the store, so it must be closed here.
    opening.then(({ end }) => end?.()).catch(() => {});
    throw unavailable(storeUrl, redact, error);
  }
}

/** A store that also closes its client when it is closed. */
function owning(store: OpenedStore, end: () => Promise<unknown>): OpenedStore {
  let ended: Promise<void> | undefined;
  return {
    ...store,
    close() {
      ended ??= store.close().then(async () => {
        // An error while closing does not matter: the client is gone.
        await end().catch(() => {});
      });
      return ended;
    },
  };
}

/** A store without secrets in its errors: a later connection may fail with a message that contains the user. */
function discreet(store: OpenedStore, redact: Redact): OpenedStore {
  const methods = Object.entries(store).map(([name, method]) => {
    if (typeof method !== "function") return [name, method];
    if (name === "exportEntries") return [name, () => exportDiscreetly(store, redact)];
    if (name === "connectionError") return [name, () => withoutSecrets(method(), redact)];
    const call = (...args: unknown[]): unknown =>
      Promise.resolve(method(...args)).catch((error: unknown) => Promise.reject(withoutSecrets(error, redact)));
    return [name, call];
  });
  return Object.fromEntries(methods);
}

async function* exportDiscreetly(store: OpenedStore, redact: Redact): AsyncGenerator<ExportedEntry> {
  try {
    yield* store.exportEntries();
  } catch (error) {
    throw withoutSecrets(error, redact);
  }
}

/** Codes of errors whose messages name the fix and contain no secret. */
const CLEAR: readonly string[] = ["INVALID_STORAGE", "PACKAGE_MISSING", "INVALID_OPTION", "UNKNOWN_OPTION"];

function unavailable(storeUrl: StoreUrl, redact: Redact, error: unknown): SluiceError {
  const isOwn = error instanceof SluiceError;
  if (isOwn && CLEAR.includes(error.code)) return error;
  const cause = tellable(isOwn ? (error.cause ?? error) : error, redact);
  const why = tellable(error, redact).message.replace(SLUICE, "");
  const shown = shownUrl(storeUrl);
  if (isOwn && error.code === "STORE_NOT_READY") {
    return new SluiceError("STORE_NOT_READY", `${shown}: ${why}; or open it with createSchema: true`, { cause });
  }
  return new SluiceError("STORAGE_UNAVAILABLE", `the store ${shown} can't be used: ${why}`, { cause });
}

/**
 * Resolves to the result of the work. Rejects with a `SluiceError` `STORE_TIMEOUT` if it takes longer than the timeout. The
 * work may still take effect after that.
 */
export function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return createDeadlines(timeoutMs).bound(work, {
    answered: (value) => value,
    unanswered: (error) => Promise.reject(error),
  });
}
