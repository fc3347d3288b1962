import type { Cluster, Redis, RedisOptions } from "ioredis";
import { isOfCluster } from "./client-option-names.js";
import { type Given, merged } from "./client-options.js";
import { loaded, type Opened, type Opening } from "./opener.js";
import { malformed, rejectUnknownQuery, type StoreUrl } from "./store-url.js";

const INSTALL = "@sluice/store-redis ioredis";

/**
 * The maximum time for a reply or a new connection once the store is open. Connections that are silent for longer are
 * closed.
 */
const PATIENCE_MS = 2_000;

/** The longest pause before the client tries to connect again. */
const MAX_PAUSE_MS = 500;

export async function openRedis(url: StoreUrl, { timeoutMs, given }: Opening): Promise<Opened> {
  const { scheme } = url;
  rejectUnknownQuery(url, scheme.startsWith("redis-") ? ["tls"] : []);
  const servers = serversOf(url);
  const { redisStore } = await loaded<typeof import("@sluice/store-redis")>("@sluice/store-redis", INSTALL);
  const ioredis = await loaded<typeof import("ioredis")>("ioredis", INSTALL);

  // While the store is being opened, the first failure is reported. After that, the client reconnects automatically.
  let opening = true;
  const retrying = (retry: unknown): Retry => {
    const pause =
      typeof retry === "function" ? (retry as Retry) : (times: number) => Math.min(times * 50, MAX_PAUSE_MS);
    return (times, reason) => (opening ? null : pause(times, reason));
  };
  const client = clientOf(ioredis, url, servers, { timeoutMs, given, retrying });
  let heard: unknown;
  // Without a listener, ioredis prints its errors. Failed calls reject with their own errors.
  client.on("error", (error: unknown) => {
    heard = error;
  });
  const end = async (): Promise<void> => client.disconnect();
  try {
    await client.connect();
    // The client selects the database too, but stays in the first database if that fails.
    if (client instanceof ioredis.Redis && client.options.db) await client.select(client.options.db);
    // ioredis before 5.4 has no socketTimeout.
    const store = redisStore({ client, reconnect: () => client.disconnect(true) });
    await store.healthCheck();
    opening = false;
    if (client instanceof ioredis.Redis && given.connectTimeout === undefined) {
      client.options.connectTimeout = Math.min(timeoutMs, PATIENCE_MS);
    }
    return { store, end };
  } catch (error) {
    await end();
    // Rejects with the error that broke the connection, if the call only reports that it is broken.
    throw heard ?? error;
  }
}

interface Server {
  readonly host: string;
  readonly port: number;
}

function serversOf(url: StoreUrl): readonly Server[] {
  const { scheme, hosts } = url;
  const texts = hosts.split(",");
  if (texts.length > 1 && !scheme.startsWith("redis-")) {
    throw malformed(
      url,
      "names several servers; for a cluster write redis-cluster://, for Sentinels redis-sentinel://",
    );
  }
  return texts.map((text) => {
    const [, inBrackets, plain, digits] = /^(?:\[([\da-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
    const host = inBrackets ?? plain;
    const port = digits === undefined ? defaultPort(scheme) : Number(digits);
    if (host === undefined || port < 1 || port > 65_535)
      throw malformed(url, "must have a host, and a port between 1 and 65535");
    return { host, port };
  });
}

function defaultPort(scheme: string): number {
  return scheme === "redis-sentinel" ? 26_379 : 6_379;
}

/** The time to wait before the next try; `null` to give up. */
type Retry = (times: number, reason?: Error) => number | undefined | null;

interface Connecting {
  readonly timeoutMs: number;
  readonly given: Given;
  /** Returns a strategy that gives up while the store is being opened. */
  retrying(retry: unknown): Retry;
}

/**
 * Sluice's settings. They close a connection that is silent or leads to a demoted server. Nothing is sent again, because a
 * script may have run.
 */
function optionsOf({ scheme, user, password, query }: StoreUrl, connectTimeout: number): RedisOptions {
  return {
    connectTimeout,
    socketTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    reconnectOnError: (error) => error.message.includes("READONLY"),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...((scheme === "rediss" || query.get("tls") === "true") && { tls: {} }),
  };
}

function clientOf(
  ioredis: Pick<typeof import("ioredis"), "Redis" | "Cluster">,
  url: StoreUrl,
  servers: readonly Server[],
  connecting: Connecting,
): Redis | Cluster {
  const { scheme, path } = url;
  const { timeoutMs, given, retrying } = connecting;
  if (scheme === "redis-cluster") return clusterOf(ioredis, url, servers, connecting);
  const options = optionsOf(url, timeoutMs);
  if (scheme === "redis-sentinel") {
    const name = decodeURIComponent(path.slice(1));
    if (name === "") throw malformed(url, "does not name the master");
    const all: Given = merged({ ...options, sentinels: [...servers], name }, given);
    const ofTls: Given = all.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: all.tls };
    return new ioredis.Redis({
      ...ofTls,
      ...all,
      lazyConnect: true,
      retryStrategy: retrying(given.retryStrategy),
      sentinelRetryStrategy: retrying(given.sentinelRetryStrategy),
    });
  }
  const database = path.slice(1) || "0";
  if (!/^\d{1,6}$/.test(database)) throw malformed(url, "has an invalid database, which must be a number");
  return new ioredis.Redis({
    ...merged({ ...options, ...servers[0], db: Number(database) }, given),
    lazyConnect: true,
    retryStrategy: retrying(given.retryStrategy),
  });
}

function clusterOf(
  { Cluster: SeveralServers }: Pick<typeof import("ioredis"), "Cluster">,
  url: StoreUrl,
  servers: readonly Server[],
  { timeoutMs, given, retrying }: Connecting,
): Cluster {
  if (url.path.length > 1) throw malformed(url, "must not name a database, because a cluster has only one");
  const ofNodes = Object.fromEntries(Object.entries(given).filter(([name]) => !isOfCluster(name)));
  const ofAll = Object.fromEntries(Object.entries(given).filter(([name]) => isOfCluster(name)));
  const redisOptions = merged({ ...optionsOf(url, Math.min(timeoutMs, PATIENCE_MS)) }, ofNodes);
  return new SeveralServers([...servers], {
    ...merged({ redisOptions }, ofAll),
    lazyConnect: true,
    clusterRetryStrategy: retrying(given.clusterRetryStrategy),
  });
}
