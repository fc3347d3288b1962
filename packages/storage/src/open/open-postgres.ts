import type { Pool, PoolConfig } from "pg";
import { type Given, merged } from "./client-options.js";
import { loaded, type Opened, type Opening } from "./opener.js";
import { malformed, type StoreUrl } from "./store-url.js";

const INSTALL = "@sluice/store-postgres pg";

/** The maximum time for a new connection once the store is open. */
const CONNECT_MS = 2_000;

/**
 * The maximum time for a statement, such as a page of a move or a sweep. The store itself gives up silent connections at a
 * decision's deadline.
 */
const QUERY_MS = 30_000;

/** Query parameters of a URL that together replace the option `ssl`. */
const SSL_PARAMETERS: readonly string[] = ["ssl", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslnegotiation"];

/** Options that a URL has too. `pg` would prefer the values from the URL. */
const NAMED: readonly string[] = ["user", "password", "host", "port", "database", "ssl"];

/** The query parameters are those of `pg`. */
export async function openPostgres(url: StoreUrl, { createSchema, timeoutMs, given }: Opening): Promise<Opened> {
  const { hosts } = url;
  const [, port = ""] = /:([^\]:]*)$/.exec(hosts) ?? [];
  if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) throw malformed(url, "must have a port between 0 and 65535");
  const { postgresStore } = await loaded<typeof import("@sluice/store-postgres")>("@sluice/store-postgres", INSTALL);
  const { default: pg } = await loaded<typeof import("pg")>("pg", INSTALL);
  const config = merged({ ...connectionOf(pg, url, given), keepAlive: true }, given);

  const open = (options: PoolConfig): Pool => {
    const pool = new pg.Pool({ ...options, ...config });
    // Without a listener, an idle connection that breaks would end the process. Failed calls reject with their own errors.
    pool.on("error", () => {});
    return pool;
  };
  // Creating or changing tables has no time limit.
  const first = open({ connectionTimeoutMillis: timeoutMs });
  try {
    const store = postgresStore({ client: first });
    if (createSchema) await store.createSchema();
    await store.healthCheck();
    await store.close();
  } finally {
    await first.end();
  }
  const pool = open({ connectionTimeoutMillis: CONNECT_MS, query_timeout: QUERY_MS });
  return { store: postgresStore({ client: pool }), end: () => pool.end() };
}

function connectionOf(
  { Client }: Pick<typeof import("pg"), "Client">,
  { text, query }: StoreUrl,
  given: Given,
): PoolConfig {
  if (!NAMED.some((name) => given[name] !== undefined)) return { connectionString: text };
  // Only parses the URL. Never connects.
  const { user, password, host, port, database, ssl } = new Client({ connectionString: text });
  const parameters = [...query].filter(([name]) => !NAMED.includes(name) && !SSL_PARAMETERS.includes(name));
  return {
    ...Object.fromEntries(parameters),
    user,
    password: password ?? undefined,
    host,
    port,
    database,
    ssl: given.ssl === undefined ? ssl : undefined,
  };
}
