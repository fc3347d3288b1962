import { randomUUID } from "node:crypto";
import { createLimiter, type Decision, fixedWindow, type Limiter } from "@sluice/core";
import type pg from "pg";
import { expect, it } from "vitest";
import { postgresStore } from "../src/index.js";
import { describeDatabases, startDatabases } from "./database.js";

const databases = await startDatabases();

/** Tests that an entry held by another transaction fails only the admissions that must write it. */
describeDatabases(databases, ({ admin }) => {
  const limiterFor = (options: { timeout?: number; limit?: number } = {}): { limiter: Limiter; prefix: string } => {
    const prefix = randomUUID();
    const policies = fixedWindow({ limit: options.limit ?? 1_000, window: "1h" });
    const limiter = createLimiter({
      store,
      prefix,
      policies,
      timeout: options.timeout ?? 500,
      on: { storeError() {} },
    });
    return { limiter, prefix };
  };
  const store = postgresStore({ client: admin });

  /** Runs `during` while a transaction holds what `change` writes. */
  async function held(change: (client: pg.PoolClient) => Promise<unknown>, during: () => Promise<void>): Promise<void> {
    const client = await admin.connect();
    try {
      await client.query("BEGIN");
      await change(client);
      await during();
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
  }

  const lock = (prefix: string, key: string) => (client: pg.PoolClient) =>
    client.query("SELECT FROM sluice_entries WHERE key = $1 FOR UPDATE", [`${prefix}:default:fixed-window:${key}`]);

  const insert = (prefix: string, key: string) => (client: pg.PoolClient) =>
    client.query("INSERT INTO sluice_entries VALUES ($1, 0, NULL, NULL, 4000000000000)", [
      `${prefix}:default:fixed-window:${key}`,
    ]);

  async function timed(call: Promise<Decision>): Promise<{ decision: Decision; tookMs: number }> {
    const startMs = performance.now();
    return { decision: await call, tookMs: performance.now() - startMs };
  }

  it.each([
    ["a locked row", lock],
    ["a row whose insert is under way", insert],
  ])("%s fails its own admissions by the deadline, and does not delay others", async (kind, hold) => {
    const { limiter, prefix } = limiterFor();
    if (kind === "a locked row") await limiter.consume("held");
    await limiter.consume("other");
    await held(hold(prefix, "held"), async () => {
      for (let round = 0; round < 4; round++) {
        const both = [
          timed(limiter.consume("held")),
          timed(limiter.consume("other")),
          timed(limiter.consume(`new ${round}`)),
        ];
        const [mine, other, fresh] = await Promise.all(both);
        expect(mine?.decision).toMatchObject({
          allowed: false,
          source: "failClosed",
          error: { code: expect.stringMatching(/^STORE_(CONTENDED|TIMEOUT)$/) },
        });
        expect(mine?.tookMs).toBeLessThan(500 + 300);
        expect([other?.decision.source, fresh?.decision.source]).toEqual(["store", "store"]);
        // Less than the deadline of the first call.
        expect(Math.max(other?.tookMs ?? 0, fresh?.tookMs ?? 0)).toBeLessThan(400);
      }
    });
    // The failed calls were not charged.
    expect((await limiter.consume("held")).remaining).toBe(kind === "a locked row" ? 998 : 999);
    expect((await limiter.peek("other")).remaining).toBe(995);
  });

  it("denials and peeks need no lock", async () => {
    const { limiter, prefix } = limiterFor({ limit: 1 });
    await limiter.consume("exhausted");
    await held(lock(prefix, "exhausted"), async () => {
      expect(await limiter.consume("exhausted")).toMatchObject({ allowed: false, source: "store" });
      expect(await limiter.peek("exhausted")).toMatchObject({ allowed: false, source: "store" });
    });
  });

  it("an admission is decided as soon as the other transaction ends", async () => {
    const { limiter, prefix } = limiterFor({ timeout: 2_000 });
    await limiter.consume("held");
    let waiting: Promise<{ decision: Decision; tookMs: number }> | undefined;
    await held(lock(prefix, "held"), async () => {
      waiting = timed(limiter.consume("held"));
      await new Promise((resolve) => setTimeout(resolve, 150));
    });
    const result = await waiting;
    expect(result?.decision).toMatchObject({ allowed: true, source: "store", remaining: 998 });
    expect(result?.tookMs).toBeLessThan(1_000);
  });

  it("refunds and resets of a locked entry fail by the deadline too, but not those of other entries", async () => {
    const { limiter, prefix } = limiterFor();
    const decisions = [await limiter.consume("held"), await limiter.consume("other")] as const;
    await held(lock(prefix, "held"), async () => {
      const refunds = await Promise.allSettled([limiter.refund(decisions[0]), limiter.refund(decisions[1])]);
      expect(refunds[0]).toMatchObject({ status: "rejected" });
      expect(refunds[1]).toEqual({ status: "fulfilled", value: true });
      await expect(limiter.reset("held")).rejects.toMatchObject({ code: expect.stringMatching(/^STORE_/) });
    });
  });

  it("an admission with several keys is charged for all of them or for none", async () => {
    const prefix = randomUUID();
    const policies = [
      fixedWindow({ name: "a", limit: 10, window: "1h" }),
      fixedWindow({ name: "b", limit: 10, window: "1h" }),
    ];
    const limiter = createLimiter({ store, prefix, policies, timeout: 200, on: { storeError() {} } });
    await limiter.consume("k");
    const row = `${prefix}:b:fixed-window:k`;
    await held(
      (client) => client.query("SELECT FROM sluice_entries WHERE key = $1 FOR UPDATE", [row]),
      async () => {
        const [both, alone] = await Promise.all([limiter.consume("k"), limiter.consume({ a: "new", b: "new" })]);
        expect(both).toMatchObject({ allowed: false, error: { code: "STORE_CONTENDED" } });
        expect(alone).toMatchObject({ allowed: true, source: "store" });
      },
    );
    expect((await limiter.peek("k")).policies.map(({ remaining }) => remaining)).toEqual([9, 9]);
  });
});
