import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createLimiter, type Decision, fixedWindow, type Policy, slidingWindow, tokenBucket } from "@sluice/core";
import { createSchema, type OpenSqliteClient, openSqlite, sqliteStore } from "@sluice/store-sqlite";
import { RateLimiterSQLite } from "rate-limiter-flexible";
import { addresses, randomVisits } from "../keys.js";
import { HOUR_MS, HOUR_S, LIMIT } from "../limit.js";
import { concurrentRate, cycle } from "../rate.js";
import type { Case, Suite } from "../suite.js";

const CALLERS = 64;
const KEYS = 10_000;

const bucket = tokenBucket({ rate: LIMIT, interval: HOUR_MS });

/** The decision function of a case, and the table that is emptied before each measurement. */
interface Asker<T> {
  ask(key: string): Promise<T>;
  isRight(answer: T): boolean;
  readonly table: string;
  /** Prepares the keys for the measurement. */
  prepare?(keys: readonly string[]): Promise<unknown>;
}

/** Opens a file. The module is loaded here, since the Node.js that starts the cases may be too old for it. */
type Open = (file: string) => Promise<OpenSqliteClient>;

const betterSqlite3: Open = async (file) => new (await import("better-sqlite3")).default(file);
const libsql: Open = async (file) => new (await import("libsql")).default(file);

/** Each case has a separate file. */
function sqliteCase<T>(
  id: string,
  name: string,
  open: Open,
  make: (client: OpenSqliteClient) => Asker<T> | Promise<Asker<T>>,
  keyCount: number = KEYS,
): Case {
  return {
    id,
    name,
    unit: "decisions/s",
    async start({ durationMs, context: { folder = "" } }) {
      const client = await open(join(folder, `${id}.db`));
      const { ask, isRight, table, prepare } = await make(client);
      const keys = addresses(keyCount);
      const visits = cycle(randomVisits(keys));
      return {
        async run() {
          client.exec(`DELETE FROM ${table}`);
          await prepare?.(keys);
          return concurrentRate(CALLERS, durationMs, visits, ask, isRight);
        },
        async stop() {
          client.close();
        },
      };
    },
  };
}

async function sluice(
  client: OpenSqliteClient,
  policies: Policy | Policy[] = bucket,
  durable = false,
): Promise<Asker<Decision>> {
  await createSchema(client);
  // Denials are measured in the case that expects them.
  const { consume } = createLimiter({
    store: sqliteStore({ client, durable }),
    policies,
    timeout: "10s",
    denyCache: false,
  });
  return {
    ask: (key) => consume(key),
    isRight: ({ allowed, source }) => allowed && source === "store",
    table: "sluice_entries",
  };
}

/** Uses up the limit of every key, which is one unit. */
async function denied(client: OpenSqliteClient): Promise<Asker<Decision>> {
  const { ask, table } = await sluice(client, tokenBucket({ rate: 1, interval: "1d" }));
  return {
    ask,
    isRight: ({ allowed, source }) => !allowed && source === "store",
    table,
    prepare: (keys) => Promise.all(keys.map(ask)),
  };
}

/** In WAL mode, as with Sluice. In the default mode each call would wait for the disk several times. */
async function flexible(
  client: OpenSqliteClient,
  synchronous: "NORMAL" | "FULL",
): Promise<Asker<{ remainingPoints: number }>> {
  client.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
  const peer = await new Promise<RateLimiterSQLite>((resolve, reject) => {
    const made: RateLimiterSQLite = new RateLimiterSQLite(
      { storeClient: client, storeType: "better-sqlite3", tableName: "flexible", points: LIMIT, duration: HOUR_S },
      (error) => (error ? reject(error) : setImmediate(() => resolve(made))),
    );
  });
  return {
    ask: (key) => peer.consume(key),
    isRight: ({ remainingPoints }) => remainingPoints > 0,
    table: "flexible",
  };
}

/** Reads a row by its key. The row is as large as Sluice's. */
function select(client: OpenSqliteClient): Asker<unknown[]> {
  client.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE one (key TEXT NOT NULL PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER, d INTEGER) WITHOUT ROWID`);
  const insert = client.prepare("INSERT INTO one VALUES (?, 1, 2, 3, 4)");
  const statement = client.prepare("SELECT * FROM one WHERE key = ?");
  return {
    ask: async (key) => statement.all(key),
    isRight: ({ length }) => length === 1,
    table: "one",
    async prepare(keys) {
      client.exec("BEGIN");
      for (const key of keys) insert.run(key);
      client.exec("COMMIT");
    },
  };
}

const cases: readonly Case[] = [
  sqliteCase("sqlite.sluice", "Sluice on better-sqlite3", betterSqlite3, (client) => sluice(client)),
  sqliteCase("sqlite.sluice.node", "Sluice on node:sqlite", openSqlite, (client) => sluice(client)),
  sqliteCase("sqlite.sluice.libsql", "Sluice on libsql", libsql, (client) => sluice(client)),
  sqliteCase("sqlite.sluice.durable", "Sluice on better-sqlite3, durable", betterSqlite3, (client) =>
    sluice(client, bucket, true),
  ),
  sqliteCase("sqlite.sluice.hot", "Sluice on better-sqlite3, one key", betterSqlite3, (client) => sluice(client), 1),
  sqliteCase("sqlite.sluice.three", "Sluice on better-sqlite3, three policies at once", betterSqlite3, (client) =>
    sluice(client, [
      tokenBucket({ name: "bucket", rate: LIMIT, interval: HOUR_MS }),
      fixedWindow({ name: "fixed", limit: LIMIT, window: HOUR_MS }),
      slidingWindow({ name: "sliding", limit: LIMIT, window: HOUR_MS }),
    ]),
  ),
  sqliteCase("sqlite.sluice.denied", "Sluice on better-sqlite3, everybody denied", betterSqlite3, denied),
  sqliteCase("sqlite.rate-limiter-flexible", "rate-limiter-flexible on better-sqlite3", betterSqlite3, (client) =>
    flexible(client, "NORMAL"),
  ),
  sqliteCase(
    "sqlite.rate-limiter-flexible.durable",
    "rate-limiter-flexible on better-sqlite3, durable",
    betterSqlite3,
    (client) => flexible(client, "FULL"),
  ),
  sqliteCase("sqlite.select", "SELECT of a row on better-sqlite3", betterSqlite3, select),
];

/** better-sqlite3 and node:sqlite need Node.js 22. */
function nodeOfCases(): { path: string; version: string } {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major >= 22) return { path: process.execPath, version: process.versions.node };
  const manifest = createRequire(import.meta.url).resolve("node24/package.json");
  const { version } = createRequire(import.meta.url)(manifest);
  return { path: join(dirname(manifest), "bin/node"), version };
}

export const sqlite: Suite = {
  name: "sqlite",
  rounds: 5,
  durationMs: 2_000,
  packages: ["better-sqlite3", "libsql", "rate-limiter-flexible"],
  cases,
  get execPath() {
    return nodeOfCases().path;
  },
  ratios: [
    { id: "sqlite.peer", of: "sqlite.sluice", against: ["sqlite.rate-limiter-flexible"] },
    { id: "sqlite.durable.peer", of: "sqlite.sluice.durable", against: ["sqlite.rate-limiter-flexible.durable"] },
    { id: "sqlite.floor", of: "sqlite.sluice", against: ["sqlite.select"] },
  ],
  async setUp() {
    const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
    return {
      context: { folder },
      versions: { "Node.js of the cases": nodeOfCases().version },
      async stop() {
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};
