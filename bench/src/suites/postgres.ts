import { PostgresStore as CounterStore } from "@acpr/rate-limit-postgresql";
import { createLimiter, type Decision, fixedWindow, type Policy, slidingWindow, tokenBucket } from "@sluice/core";
import { startPostgres } from "@sluice/servers";
import { createSchema, type PostgresClient, postgresStore } from "@sluice/store-postgres";
import { rateLimit } from "express-rate-limit";
import pg from "pg";
import postgresJs from "postgres";
import { RateLimiterPostgres } from "rate-limiter-flexible";
import { addresses, randomVisits } from "../keys.js";
import { HOUR_MS, HOUR_S, LIMIT } from "../limit.js";
import { concurrentRate, cycle } from "../rate.js";
import type { Case, Suite } from "../suite.js";
import { keyedMiddleware } from "./middleware.js";

const CALLERS = 64;
const KEYS = 10_000;

const bucket = tokenBucket({ rate: LIMIT, interval: HOUR_MS });

/** The decision function of a case, and the tables that are emptied before each measurement. */
interface Asker<T> {
  ask(key: string): Promise<T>;
  isRight(answer: T): boolean;
  readonly tables: readonly string[];
  /** Prepares the keys for the measurement. */
  prepare?(keys: readonly string[]): Promise<unknown>;
}

function postgresCase<T>(
  id: string,
  name: string,
  make: (pool: pg.Pool, url: string) => Asker<T> | Promise<Asker<T>>,
  keyCount: number = KEYS,
): Case {
  return {
    id,
    name,
    unit: "decisions/s",
    async start({ durationMs, context: { url = "" } }) {
      const pool = new pg.Pool({ connectionString: url });
      const { ask, isRight, tables, prepare } = await make(pool, url);
      const keys = addresses(keyCount);
      const visits = cycle(randomVisits(keys));
      return {
        async run() {
          for (const table of tables) await pool.query(`TRUNCATE ${table}`);
          await prepare?.(keys);
          return concurrentRate(CALLERS, durationMs, visits, ask, isRight);
        },
        // The other connections of the case end with its process.
        stop: () => pool.end(),
      };
    },
  };
}

/** Each case has a separate table. */
async function sluice(
  client: PostgresClient,
  table: string,
  policies: Policy | Policy[] = bucket,
  durable = false,
): Promise<Asker<Decision>> {
  await createSchema(client, { table, durable });
  // Denials are measured in the case that expects them.
  const { consume } = createLimiter({
    store: postgresStore({ client, table }),
    policies,
    timeout: "10s",
    denyCache: false,
  });
  return {
    ask: (key) => consume(key),
    isRight: ({ allowed, source }) => allowed && source === "store",
    tables: [`sluice.${table}`],
  };
}

/** Uses up the limit of every key, which is one unit. */
async function denied(pool: pg.Pool): Promise<Asker<Decision>> {
  const policy = tokenBucket({ rate: 1, interval: "1d" });
  const { ask, tables } = await sluice(pool, "sluice_denied", policy);
  return {
    ask,
    isRight: ({ allowed, source }) => !allowed && source === "store",
    tables,
    prepare: (keys) => Promise.all(keys.map(ask)),
  };
}

async function flexible(pool: pg.Pool): Promise<Asker<{ remainingPoints: number }>> {
  const peer = await new Promise<RateLimiterPostgres>((resolve, reject) => {
    const options = { storeClient: pool, tableName: "flexible", points: LIMIT, duration: HOUR_S };
    const made: RateLimiterPostgres = new RateLimiterPostgres(options, (error) =>
      error ? reject(error) : resolve(made),
    );
  });
  return {
    ask: (key) => peer.consume(key),
    isRight: ({ remainingPoints }) => remainingPoints > 0,
    tables: ["flexible"],
  };
}

/** The time limit, generous for a busy machine. */
const LONGEST_SETUP_MS = 60_000;

/** Waits until the tables exist: the constructor creates them, but does not report when it is done. */
async function counterStore(pool: pg.Pool, url: string): Promise<CounterStore> {
  const { hostname, port, username } = new URL(url);
  const store = new CounterStore({ host: hostname, port: Number(port), user: username, database: "postgres" }, "bench");
  const deadlineMs = performance.now() + LONGEST_SETUP_MS;
  while (performance.now() < deadlineMs) {
    const { rows } = await pool.query("SELECT to_regproc('rate_limit.agg_increment') AS found");
    const { rowCount } = await pool.query(
      "SELECT FROM pg_tables WHERE tablename = 'migrations' AND schemaname = 'public'",
    );
    if (rows[0].found !== null && rowCount !== 0) {
      const { rows: last } = await pool.query("SELECT max(id) AS id FROM public.migrations");
      if (last[0].id >= 7) return store;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("@acpr/rate-limit-postgresql did not create its tables");
}

const COUNTER_TABLES = ["rate_limit.records_aggregated"];

async function middleware(pool: pg.Pool, url: string): Promise<Asker<unknown>> {
  const store = await counterStore(pool, url);
  const decide = keyedMiddleware((keyGenerator, handler) =>
    rateLimit({
      windowMs: HOUR_MS,
      limit: LIMIT,
      store,
      keyGenerator,
      handler,
      standardHeaders: false,
      legacyHeaders: false,
      validate: false,
    }),
  );
  return {
    ask: (key) => new Promise((resolve) => decide(key, resolve)),
    isRight: (error) => error === undefined,
    tables: COUNTER_TABLES,
  };
}

function select(pool: pg.Pool): Asker<{ rows: { one: number }[] }> {
  return {
    ask: () => pool.query({ name: "one", text: "SELECT 1 AS one" }),
    isRight: ({ rows }) => rows[0]?.one === 1,
    tables: [],
  };
}

const cases: readonly Case[] = [
  postgresCase("postgres.sluice", "Sluice on pg", (pool) => sluice(pool, "sluice_pg")),
  postgresCase("postgres.sluice.postgres", "Sluice on the package postgres", (_, url) =>
    sluice(postgresJs(url, { onnotice: () => {} }), "sluice_postgres"),
  ),
  postgresCase("postgres.sluice.durable", "Sluice on pg, a durable table", (pool) =>
    sluice(pool, "sluice_durable", bucket, true),
  ),
  postgresCase("postgres.sluice.hot", "Sluice on pg, one key", (pool) => sluice(pool, "sluice_hot"), 1),
  postgresCase("postgres.sluice.three", "Sluice on pg, three policies at once", (pool) =>
    sluice(pool, "sluice_three", [
      tokenBucket({ name: "bucket", rate: LIMIT, interval: HOUR_MS }),
      fixedWindow({ name: "fixed", limit: LIMIT, window: HOUR_MS }),
      slidingWindow({ name: "sliding", limit: LIMIT, window: HOUR_MS }),
    ]),
  ),
  postgresCase("postgres.sluice.denied", "Sluice on pg, everybody denied", denied),
  postgresCase("postgres.rate-limiter-flexible", "rate-limiter-flexible on pg", flexible),
  postgresCase("postgres.express-rate-limit", "express-rate-limit with @acpr/rate-limit-postgresql", middleware),
  postgresCase("postgres.select", "SELECT of a constant on pg", select),
];

export const postgres: Suite = {
  name: "postgres",
  rounds: 5,
  durationMs: 2_000,
  packages: ["pg", "postgres", "rate-limiter-flexible", "express-rate-limit", "@acpr/rate-limit-postgresql"],
  cases,
  ratios: [
    {
      id: "postgres.peer",
      of: "postgres.sluice",
      against: ["postgres.rate-limiter-flexible", "postgres.express-rate-limit"],
    },
    {
      id: "postgres.durable.peer",
      of: "postgres.sluice.durable",
      against: ["postgres.rate-limiter-flexible", "postgres.express-rate-limit"],
    },
    { id: "postgres.floor", of: "postgres.sluice", against: ["postgres.select"] },
  ],
  async setUp() {
    // As in the default configuration of a server: a commit to a durable table waits for the disk.
    const server = await startPostgres({ settings: { fsync: "on" } });
    try {
      const pool = new pg.Pool({ connectionString: server.url });
      const { rows } = await pool.query("SHOW server_version");
      await pool.end();
      return { context: { url: server.url }, versions: { PostgreSQL: rows[0].server_version }, stop: server.stop };
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};
