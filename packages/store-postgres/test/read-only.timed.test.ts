import { createLimiter, fixedWindow } from "@sluice/core";
import { startProxy } from "@sluice/servers";
import { expect, it, vi } from "vitest";
import { createSchema, postgresStore } from "../src/index.js";
import { connectors } from "./clients.js";
import { openPool, startDatabase } from "./database.js";

const { server, admin } = await startDatabase();
const second = await startDatabase();

const policy = fixedWindow({ limit: 3, window: "1h" });

/** Makes the server read-only, or writable, for existing sessions too. */
async function setReadOnly(to: boolean): Promise<void> {
  await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${to ? "on" : "off"}`);
  await admin.query("SELECT pg_reload_conf()");
  await vi.waitUntil(
    async () => (await admin.query("SHOW transaction_read_only")).rows[0].transaction_read_only === (to ? "on" : "off"),
  );
  // Other sessions read the settings when they are next idle.
  await new Promise((resolve) => setTimeout(resolve, 200));
}

it.each(Object.entries(connectors))(
  "a read-only server enforces denials and blocks, and fails only calls that need a write, with %s",
  async (kind, connect) => {
    const connection = connect(server.port);
    const store = postgresStore({ client: connection.client });
    const limiter = createLimiter({
      store,
      prefix: `read-only ${kind}`,
      policies: policy,
      timeout: 3_000,
      failOpen: true,
      denyCache: false,
      on: { storeError() {} },
    });
    await limiter.consume("exhausted", { cost: 3 });
    await limiter.block("blocked", "1h");
    await limiter.consume("some");
    await setReadOnly(true);
    try {
      for (let round = 0; round < 5; round++) {
        const [exhausted, blocked, some] = await Promise.all([
          limiter.consume("exhausted"),
          limiter.consume("blocked"),
          limiter.consume("some"),
        ]);
        expect(exhausted).toMatchObject({ allowed: false, source: "store" });
        expect(blocked).toMatchObject({ allowed: false, source: "store", policies: [{ blocked: true }] });
        expect(some).toMatchObject({ allowed: true, source: "failOpen", error: { code: "STORE_FAILED" } });
        expect(some.error?.message).toMatch(/read-only/);
      }
      expect(await limiter.peek("some")).toMatchObject({ source: "store", remaining: 2 });
      await expect(limiter.block("some", "1h")).rejects.toMatchObject({ code: "STORE_FAILED" });
    } finally {
      await setReadOnly(false);
    }
    await vi.waitUntil(async () => (await limiter.consume("some")).source === "store", { timeout: 5_000 });
    await connection.end();
  },
);

it.each(["a Pool of pg", "postgres"])(
  "a failover behind one address affects only the first decisions on each connection, with %s",
  async (kind) => {
    const proxy = await startProxy(server.port);
    const connection = (connectors[kind] as (typeof connectors)[string])(proxy.port);
    const limiter = createLimiter({
      store: postgresStore({ client: connection.client }),
      prefix: `failover ${kind}`,
      policies: fixedWindow({ limit: 1_000_000, window: "1h" }),
      timeout: 2_000,
      on: { storeError() {} },
    });
    try {
      await Promise.all(Array.from({ length: 300 }, (_, i) => limiter.consume(`warm ${i}`)));
      await setReadOnly(true);
      proxy.redirect(second.server.port);
      const sources: string[] = [];
      const startMs = performance.now();
      while (performance.now() - startMs < 500) {
        sources.push(...(await Promise.all([limiter.consume("a"), limiter.consume("b")])).map(({ source }) => source));
      }
      // A client with several connections meets the old server once on each.
      expect(sources.filter((source) => source !== "store").length).toBeLessThan(10);
      expect(sources.slice(-10)).toEqual(new Array(10).fill("store"));
      const { rows } = await second.admin.query("SELECT FROM sluice_entries WHERE starts_with(key, 'failover')");
      expect(rows.length).toBeGreaterThan(0);
    } finally {
      await setReadOnly(false);
      await connection.end();
      await proxy.stop();
    }
  },
);

it("a server that stays read-only gets only a few new connections per second", async () => {
  const proxy = await startProxy(server.port);
  const pool = openPool(server, { connectionString: `postgres://postgres@127.0.0.1:${proxy.port}/postgres`, max: 4 });
  await createSchema(pool);
  const limiter = createLimiter({
    store: postgresStore({ client: pool }),
    prefix: "stays",
    policies: policy,
    on: { storeError() {} },
  });
  await setReadOnly(true);
  try {
    const before = proxy.connections;
    const endMs = performance.now() + 1_500;
    while (performance.now() < endMs) await limiter.consume("some");
    expect(proxy.connections - before).toBeLessThanOrEqual(3 * 4);
    expect(proxy.connections - before).toBeGreaterThan(0);
  } finally {
    await setReadOnly(false);
    await pool.end();
    await proxy.stop();
  }
});
