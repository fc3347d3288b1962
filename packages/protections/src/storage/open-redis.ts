import type { Cluster, Redis } from "ioredis";
import { loaded } from "./loaded.js";
import type { Opened } from "./opened.js";
import { malformed, rejectUnknownQuery, type Setting } from "./setting.js";

const INSTALL = "@sluice/store-redis ioredis";

export async function openRedis(setting: Setting, { timeoutMs }: { readonly timeoutMs: number }): Promise<Opened> {
  const { scheme } = setting;
  rejectUnknownQuery(setting, scheme.startsWith("redis-") ? ["tls"] : []);
  const servers = serversOf(setting);
  const { redisStore } = await loaded<typeof import("@sluice/store-redis")>("@sluice/store-redis", INSTALL);
  const ioredis = await loaded<typeof import("ioredis")>("ioredis", INSTALL);

  // Until it is open, what fails is told; from then on the client comes back by itself.
  let opening = true;
  const options = optionsOf(setting, timeoutMs, (times) => (opening ? null : Math.min(times * 50, 2_000)));
  const client = clientOf(ioredis, setting, servers, options);
  let heard: unknown;
  // Without a listener ioredis prints what it hears. A call that fails says so itself.
  client.on("error", (error: unknown) => {
    heard = error;
  });
  const end = async (): Promise<void> => client.disconnect();
  try {
    await client.connect();
    // The client selects it too, but goes on in the first database where it can't.
    if (client instanceof ioredis.Redis && client.options.db) await client.select(client.options.db);
    const store = redisStore({ client });
    await store.healthCheck();
    opening = false;
    return { store, end };
  } catch (error) {
    await end();
    // What broke the connection, where the call only says that it is broken.
    throw heard ?? error;
  }
}

interface Server {
  readonly host: string;
  readonly port: number;
}

function serversOf(setting: Setting): readonly Server[] {
  const { scheme, hosts } = setting;
  const texts = hosts.split(",");
  if (texts.length > 1 && !scheme.startsWith("redis-")) {
    throw malformed(
      setting,
      "names several servers; for a cluster write redis-cluster://, for Sentinels redis-sentinel://",
    );
  }
  return texts.map((text) => {
    const [, inBrackets, plain, digits] = /^(?:\[([\da-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
    const host = inBrackets ?? plain;
    const port = digits === undefined ? defaultPort(scheme) : Number(digits);
    if (host === undefined || port < 1 || port > 65_535) throw malformed(setting, "names no host and port that can be");
    return { host, port };
  });
}

function defaultPort(scheme: string): number {
  return scheme === "redis-sentinel" ? 26_379 : 6_379;
}

/** How long to wait before the next try; `null` to give up. */
type Retry = (times: number) => number | null;

interface ConnectOptions {
  readonly lazyConnect: true;
  readonly connectTimeout: number;
  readonly retryStrategy: Retry;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: object;
}

function optionsOf(setting: Setting, connectTimeout: number, retryStrategy: Retry): ConnectOptions {
  const { scheme, user, password, query } = setting;
  return {
    lazyConnect: true,
    connectTimeout,
    retryStrategy,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...((scheme === "rediss" || query.get("tls") === "true") && { tls: {} }),
  };
}

function clientOf(
  { Redis: OneServer, Cluster: SeveralServers }: Pick<typeof import("ioredis"), "Redis" | "Cluster">,
  setting: Setting,
  servers: readonly Server[],
  options: ConnectOptions,
): Redis | Cluster {
  const { scheme, path } = setting;
  if (scheme === "redis-cluster") {
    if (path.length > 1) throw malformed(setting, "names a database, of which a cluster has one");
    const { lazyConnect, retryStrategy, ...redisOptions } = options;
    return new SeveralServers([...servers], {
      lazyConnect: true,
      clusterRetryStrategy: retryStrategy,
      redisOptions,
    });
  }
  if (scheme === "redis-sentinel") {
    const name = decodeURIComponent(path.slice(1));
    if (name === "") throw malformed(setting, "does not name the master");
    return new OneServer({
      ...options,
      sentinels: [...servers],
      name,
      sentinelRetryStrategy: options.retryStrategy,
      ...(options.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    });
  }
  const database = path.slice(1) || "0";
  if (!/^\d{1,6}$/.test(database)) throw malformed(setting, "names a database that is no number");
  return new OneServer({ ...options, ...(servers[0] as Server), db: Number(database) });
}
