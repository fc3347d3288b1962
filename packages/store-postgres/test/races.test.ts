import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createLimiter, fixedWindow, type Limiter } from "@sluice/core";
import { expect, it } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, openPool, startDatabases } from "./database.js";

const databases = await startDatabases({ settings: { deadlock_timeout: "100ms" } });

const PROCESSES = 8;
const CALLERS = 25;

interface Race {
  readonly prefix: string;
  readonly keys: number;
  readonly limit: number;
  readonly calls: number;
}

/** Runs a race, and returns the grants of all processes by policy and key. */
async function run(port: number, race: Race): Promise<Map<string, number>> {
  const task = JSON.stringify({ port, callers: CALLERS, ...race });
  const script = new URL("./race-process.mjs", import.meta.url);
  const children = Array.from({ length: PROCESSES }, () => fork(script, [task], { execArgv: [] }));
  try {
    expect(await Promise.all(children.map(nextMessage))).toEqual(children.map(() => "ready"));
    const grants = children.map(nextMessage);
    for (const child of children) child.send("start");
    const sums = new Map<string, number>();
    for (const granted of (await Promise.all(grants)) as Record<string, number>[]) {
      for (const [key, count] of Object.entries(granted)) sums.set(key, (sums.get(key) ?? 0) + count);
    }
    return sums;
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`a process ended with code ${code}`)));
  ended.catch(() => {});
  const [message] = (await Promise.race([once(child, "message"), ended])) as [unknown];
  return message;
}

describeDatabases(databases, ({ server, admin }) => {
  const limiterOf = (prefix: string, limit: number): Limiter =>
    createLimiter({
      store: postgresStore({ client: admin }),
      prefix,
      policies: [fixedWindow({ name: "one", limit, window: "1d" }), fixedWindow({ name: "two", limit, window: "1d" })],
      timeout: "20s",
    });

  async function deadlocks(): Promise<number> {
    const { rows } = await admin.query("SELECT sum(deadlocks)::int AS count FROM pg_stat_database");
    return rows[0].count;
  }

  it("grants 8 processes with 25 callers each exactly the 500 units of one key", async () => {
    const granted = await run(server.port, { prefix: "one", keys: 1, limit: 500, calls: 5 });
    expect([...granted]).toEqual([
      ["one 0", 500],
      ["two 0", 500],
    ]);
    expect(await deadlocks()).toBe(0);
  }, 60_000);

  it("charges exactly the grants on 20 random keys, two at a time, without deadlocks", async () => {
    const limit = 150;
    const granted = await run(server.port, { prefix: "many", keys: 20, limit, calls: 30 });
    const limiter = limiterOf("many", limit);
    for (let key = 0; key < 20; key++) {
      const { policies } = await limiter.peek(String(key));
      for (const { policy, remaining } of policies) {
        const count = granted.get(`${policy.name} ${key}`) ?? 0;
        expect([policy.name, key, remaining]).toEqual([policy.name, key, limit - count]);
        expect(count).toBeLessThanOrEqual(limit);
      }
    }
    // 6,000 calls compete for 3,000 units of each policy. No call is denied in the end while units are left.
    const { rows } = await admin.query(
      "SELECT count(*)::int AS count FROM sluice.sluice_entries WHERE key LIKE 'many:%'",
    );
    expect(rows[0].count).toBe(40);
    const sum = [...granted.values()].reduce((all, count) => all + count, 0);
    expect(sum).toBeGreaterThan(0.9 * 40 * limit);
    expect(await deadlocks()).toBe(0);
  }, 60_000);

  it("stays exact if transactions are serializable by default, since failed statements are retried", async () => {
    const pools = Array.from({ length: 4 }, () =>
      openPool(server, { max: 2, options: "-c default_transaction_isolation=serializable" }),
    );
    const limiters = pools.map((client) =>
      createLimiter({
        store: postgresStore({ client }),
        prefix: "serializable",
        policies: fixedWindow({ limit: 60, window: "1d" }),
        timeout: "20s",
      }),
    );
    const decisions = await Promise.all(
      Array.from({ length: 200 }, (_, i) => (limiters[i % limiters.length] as Limiter).consume("shared")),
    );
    for (const { error } of decisions) if (error !== undefined) throw error;
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(60);
  });
});
