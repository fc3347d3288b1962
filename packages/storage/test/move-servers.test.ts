import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import {
  createLimiter,
  fixedWindow,
  type Limiter,
  type Policy,
  type Store,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "@sluice/core";
import { scopeOf } from "@sluice/core/kit";
import { decideEntries, type ExportEntries, type ExportedEntry, type ImportEntries } from "@sluice/core/store";
import { startPostgres, startRedis } from "@sluice/servers";
import { memoryStore } from "@sluice/store-memory";
import { createSchema as createPostgresSchema, postgresStore } from "@sluice/store-postgres";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, expect, it } from "vitest";
import { importEntries, moveState } from "../src/index.js";

const [redisServer, postgresServer] = await Promise.all([startRedis(), startPostgres()]);
const [redisA, redisB, redisUsed] = ["a:", "b:", "used:"].map(
  (keyPrefix) => new Redis(redisServer.port, { keyPrefix }),
) as [Redis, Redis, Redis];
const pool = new pg.Pool({ connectionString: postgresServer.url, max: 4 });
// The server may close a connection before the pool does.
pool.on("error", () => {});
afterAll(async () => {
  for (const redis of [redisA, redisB, redisUsed]) redis.disconnect();
  await pool.end();
  await Promise.all([redisServer.stop(), postgresServer.stop()]);
});

const ENTRIES = 200_000;

/** A window so long that nothing is restored during the tests. */
const WINDOW_MS = 90 * 86_400_000;

const POLICIES: readonly Policy[] = [
  tokenBucket({ name: "bucket", rate: 1_000, interval: WINDOW_MS }),
  fixedWindow({ name: "fixed", limit: 1_000, window: WINDOW_MS }),
  slidingWindow({ name: "sliding", limit: 1_000, window: WINDOW_MS }),
  slidingLog({ name: "log", limit: 1_000, window: WINDOW_MS }),
];
const KEYS: readonly string[] = Array.from({ length: ENTRIES / POLICIES.length }, (_, i) => `client ${i}`);

/** Entries of every algorithm. Each key has a different count. */
function* entries(keys = KEYS): Generator<ExportedEntry> {
  const nowMs = Date.now();
  for (const [i, key] of keys.entries()) {
    for (const policy of POLICIES) {
      const claim = { scope: scopeOf("sluice", policy), key, policy, cost: 1 + (i % 999) };
      const { writes } = decideEntries({ claims: [claim], charge: true }, [undefined], nowMs);
      yield { key: claim.scope + key, state: writes[0]?.state, expiresAtMs: nowMs + (writes[0]?.ttlMs ?? 0) };
    }
  }
}

/** The remaining quota of every policy of every key. */
async function left(store: Store): Promise<Uint16Array> {
  const limiter = createLimiter({ store, policies: POLICIES, timeout: "30s" });
  const all = new Uint16Array(ENTRIES);
  for (let first = 0; first < KEYS.length; first += 2_000) {
    await Promise.all(KEYS.slice(first, first + 2_000).map((key, i) => look(limiter, key, first + i)));
  }
  return all;

  async function look(limiter: Limiter, key: string, place: number): Promise<void> {
    const { policies, error } = await limiter.peek(key);
    if (error !== undefined) throw error;
    policies.forEach(({ remaining }, i) => {
      all[place * POLICIES.length + i] = remaining;
    });
  }
}

/** The number of differences. A matcher would take too long for 200,000 numbers. */
function differences(one: Uint16Array, other: Uint16Array): number {
  return one.reduce((count, value, i) => (value === other[i] ? count : count + 1), 0);
}

async function tableStore(table: string): Promise<Store & ExportEntries & ImportEntries> {
  await createPostgresSchema(pool, { table });
  return postgresStore({ client: pool, table });
}

const MOVED = { read: ENTRIES, written: ENTRIES, merged: 0, alreadyThere: 0, expired: 0, leftOut: {} };

const memory = memoryStore();
const expected = Uint16Array.from({ length: ENTRIES }, (_, i) => 1_000 - (1 + (Math.floor(i / POLICIES.length) % 999)));

it(`moves ${ENTRIES} entries from memory to Postgres and back with equal decisions`, async () => {
  expect(await importEntries(memory, entries())).toEqual(MOVED);
  expect(differences(await left(memory), expected)).toBe(0);
  const postgres = await tableStore("from_memory");
  expect(await moveState(memory, postgres)).toEqual(MOVED);
  expect(differences(await left(postgres), expected)).toBe(0);
  const back = memoryStore();
  expect(await moveState(postgres, back)).toEqual(MOVED);
  expect(differences(await left(back), expected)).toBe(0);
}, 240_000);

it(`moves ${ENTRIES} entries from Redis to Postgres and back with equal decisions, even if it is killed halfway`, async () => {
  const from = redisStore({ client: redisA });
  expect(await moveState(memory, from)).toEqual(MOVED);
  await createPostgresSchema(pool);
  const moved = await killedMove();
  expect(moved).toBeGreaterThan(0);
  expect(moved).toBeLessThan(ENTRIES);
  const postgres = postgresStore({ client: pool });
  const { alreadyThere, written, merged, ...rest } = await moveState(from, postgres);
  expect({ ...rest, merged, sum: alreadyThere + written }).toEqual({
    read: ENTRIES,
    merged: 0,
    expired: 0,
    leftOut: {},
    sum: ENTRIES,
  });
  // The last page may have been written, but not reported.
  expect(alreadyThere).toBeGreaterThanOrEqual(moved);
  expect(differences(await left(postgres), expected)).toBe(0);
  const back = redisStore({ client: redisB });
  expect(await moveState(postgres, back)).toEqual(MOVED);
  expect(differences(await left(back), expected)).toBe(0);
}, 240_000);

it("a limiter that switches stores halfway exceeds its limit by at most the grants of the target before the entry arrived", async () => {
  const limit = 40;
  const from = redisStore({ client: redisUsed });
  const to = await tableStore("used");
  // Adds other entries, so that the move takes several pages.
  await importEntries(from, entries(KEYS.slice(0, 2_000)));
  const policies = [
    tokenBucket({ name: "bucket", rate: limit, interval: WINDOW_MS }),
    fixedWindow({ name: "fixed", limit, window: WINDOW_MS }),
    slidingWindow({ name: "sliding", limit, window: WINDOW_MS }),
    slidingLog({ name: "log", limit, window: WINDOW_MS }),
  ];
  const users = policies.flatMap((policy) =>
    Array.from({ length: 60 }, (_, i) => ({
      policy,
      key: `user ${i}`,
      // Some users are exhausted before the move, and some are first seen after the switch.
      before: i % 3 === 0 ? limit : i % 3 === 1 ? 15 : 0,
      granted: { from: 0, to: 0 },
    })),
  );
  const limiters = new Map(
    [from as Store, to].map((store) => [
      store,
      new Map(policies.map((it) => [it, createLimiter({ store, policies: it, prefix: "used", timeout: "30s" })])),
    ]),
  );
  let current: Store = from;
  async function ask({ policy, key, granted }: (typeof users)[number], times: number): Promise<void> {
    const store = current;
    const limiter = limiters.get(store)?.get(policy) as Limiter;
    const decisions = await Promise.all(Array.from({ length: times }, () => limiter.consume(key)));
    for (const { error } of decisions) if (error !== undefined) throw error;
    granted[store === from ? "from" : "to"] += decisions.filter(({ allowed }) => allowed).length;
  }

  await Promise.all(users.map((user) => ask(user, user.before)));
  let moving = true;
  const used = (async () => {
    while (moving) for (const user of users) if (moving) await ask(user, 1);
  })();
  await moveState(from, to, {
    onProgress({ read }) {
      if (read >= 4_000) current = to;
    },
  });
  // Moves the grants that the source made after its entry was read.
  await moveState(from, to);
  const atTheEnd = users.map(({ granted }) => granted.to);
  moving = false;
  await used;
  await Promise.all(users.map((user) => ask(user, 2 * limit)));
  let tooMany = 0;
  for (const [i, { policy, key, granted }] of users.entries()) {
    const total = granted.from + granted.to;
    const what = `${policy.name} ${key}: ${granted.from} and ${granted.to}`;
    expect(total, what).toBeGreaterThanOrEqual(limit);
    expect(total, what).toBeLessThanOrEqual(limit + Math.min(limit, atTheEnd[i] as number));
    tooMany += total - limit;
  }
  // Without the move, all grants of the source would be too many.
  expect(tooMany).toBeLessThan(users.reduce((sum, { granted }) => sum + granted.from, 0) / 4);
}, 60_000);

/**
 * Starts a move from Redis to Postgres in another process, kills it halfway, and returns the number of moved entries.
 */
async function killedMove(): Promise<number> {
  const script = new URL("./move-process.mjs", import.meta.url).pathname;
  const child: ChildProcess = spawn(process.execPath, [script, String(redisServer.port), postgresServer.url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let moved = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    moved = Number(line);
    if (moved >= ENTRIES / 4) child.kill("SIGKILL");
  }
  expect((await exited)[1]).toBe("SIGKILL");
  return moved;
}
