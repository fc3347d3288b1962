import { type AddressInfo, createServer } from "node:net";
import { createLimiter, type Decision, fixedWindow, type Limiter } from "@sluice/core";
import { startProxy } from "@sluice/servers";
import pg from "pg";
import postgres from "postgres";
import { describe, expect, it, vi } from "vitest";
import { postgresStore } from "../src/index.js";
import { connectors } from "./clients.js";
import { openPool, startDatabase } from "./database.js";

const { server, admin } = await startDatabase();

const sources = (decisions: readonly Decision[]) => [...new Set(decisions.map(({ source }) => source))];

async function connections(name: string): Promise<number> {
  const { rows } = await admin.query(
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1",
    [name],
  );
  return rows[0].count;
}

/**
 * The store's first answer after failures. It peeks, since a charge may be made even if its answer is late on a busy
 * machine.
 */
async function whenAnswered(limiter: Limiter): Promise<Decision> {
  for (;;) {
    const decision = await limiter.peek("somebody");
    if (decision.source === "store") return decision;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function timed<T>(call: () => Promise<T>): Promise<{ result: T; tookMs: number }> {
  const startMs = performance.now();
  const result = await call();
  return { result, tookMs: performance.now() - startMs };
}

describe("a server that stops answering", () => {
  it.each([false, true])(
    "gets decisions within the timeout, with failOpen %s, and from the store again after it recovers",
    async (failOpen) => {
      const name = `frozen ${failOpen}`;
      const pool = openPool(server, { max: 5, application_name: name });
      const limiter = createLimiter({
        store: postgresStore({ client: pool }),
        prefix: name,
        policies: fixedWindow({ limit: 10_000, window: "1h" }),
        timeout: 200,
        failOpen,
      });
      const ask = (count: number) => Promise.all(Array.from({ length: count }, () => limiter.consume("somebody")));
      await ask(50);
      const during: Decision[] = [];
      const asking = (async () => {
        for (let i = 0; i < 5; i++) {
          const { result, tookMs } = await timed(() => ask(100));
          during.push(...result);
          expect(tookMs).toBeLessThan(200 + 600);
        }
      })();
      await server.pause();
      try {
        await asking;
      } finally {
        await server.resume();
      }
      expect(sources(during).at(-1)).toBe(failOpen ? "failOpen" : "failClosed");
      expect(during.filter(({ source }) => source !== "store").map(({ allowed }) => allowed)).not.toContain(!failOpen);
      await vi.waitUntil(async () => (await limiter.consume("somebody")).source === "store", { timeout: 10_000 });
      // Only the batches that were sent before the server stopped were decided, not the calls that timed out in the
      // queue.
      const { remaining } = await limiter.peek("somebody");
      const answered = during.filter(({ source }) => source === "store").length;
      expect(10_000 - remaining - answered).toBeLessThan(50 + 250);
      expect(sources(await ask(50))).toEqual(["store"]);
      // A slow server gets more batches at a time. Connections that the store gave up are closed once the server is
      // awake.
      const { max = 0 } = pool.options;
      await vi.waitFor(async () => expect(await connections(name)).toBeLessThanOrEqual(max), 5_000);
    },
    30_000,
  );
});

describe("a pool without a free connection", () => {
  it("counts the wait against the timeout, and does not charge calls that waited too long", async () => {
    const pool = openPool(server, { max: 1 });
    const limiter = createLimiter({
      store: postgresStore({ client: pool }),
      prefix: "busy pool",
      policies: fixedWindow({ limit: 100, window: "1h" }),
      timeout: 100,
    });
    const only = await pool.connect();
    const { result, tookMs } = await timed(() =>
      Promise.all(Array.from({ length: 10 }, () => limiter.consume("somebody"))),
    );
    expect(sources(result)).toEqual(["failClosed"]);
    expect(tookMs).toBeLessThan(700);
    only.release();
    expect((await whenAnswered(limiter)).remaining).toBe(100);
  });

  it("counts the wait against the timeout with the package postgres, which may still send queued statements", async () => {
    const client = postgres(server.url, { max: 1 });
    const limiter = createLimiter({
      store: postgresStore({ client }),
      prefix: "busy postgres",
      policies: fixedWindow({ limit: 100, window: "1h" }),
      timeout: 100,
    });
    let release = (): void => {};
    const transaction = client.begin(() => new Promise<void>((resolve) => (release = resolve)));
    await vi.waitUntil(async () => (await connections("postgres.js")) > 0);
    for (let i = 0; i < 3; i++) {
      const { result, tookMs } = await timed(() =>
        Promise.all(Array.from({ length: 10 }, () => limiter.consume("somebody"))),
      );
      expect(sources(result)).toEqual(["failClosed"]);
      expect(tookMs).toBeLessThan(700);
    }
    release();
    await transaction;
    // Only the first ten calls were sent.
    expect((await whenAnswered(limiter)).remaining).toBe(90);
    await client.end();
  });

  it("closes a connection after its own error, but not after an error that the server reports", async () => {
    const pool = openPool(server, { max: 1 });
    const store = postgresStore({ client: pool, table: "nowhere" });
    const process = async () => (await pool.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;
    const before = await process();
    await expect(store.healthCheck()).rejects.toMatchObject({ code: "STORE_NOT_READY" });
    expect(await process()).toBe(before);
    const slow = postgresStore({ client: pool });
    const lock = await admin.connect();
    await lock.query("BEGIN");
    await lock.query("LOCK TABLE sluice_entries");
    // The expectation starts here, since the rejection may arrive before the statement that ends the connection is
    // answered.
    const failing = expect(slow.sweep()).rejects.toMatchObject({ code: "STORE_FAILED" });
    await vi.waitUntil(
      async () => (await lock.query("SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted")).rows[0].n > 0,
    );
    await lock.query("SELECT pg_terminate_backend($1)", [before]);
    await failing;
    await lock.query("ROLLBACK");
    lock.release();
    await slow.healthCheck();
    expect(await process()).not.toBe(before);
  });
});

describe("a connection that the server opens and ends in one packet", () => {
  it("fails only the call that would use it, and not the process", async () => {
    const message = (type: string, ...parts: (string | readonly number[])[]) => {
      const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
      const head = Buffer.from([type.charCodeAt(0), 0, 0, 0, 0]);
      head.writeInt32BE(body.length + 4, 1);
      return Buffer.concat([head, body]);
    };
    const opened = [message("R", [0, 0, 0, 0]), message("Z", "I")];
    const ended = message("E", "SFATAL\0", "C57P01\0", "Mterminating connection\0", "\0");
    const closing = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(Buffer.concat([...opened, ended])));
    });
    await new Promise<void>((resolve) => closing.listen(0, "127.0.0.1", resolve));
    const { port } = closing.address() as AddressInfo;
    const pool = new pg.Pool({ host: "127.0.0.1", port, user: "postgres", max: 2 });
    pool.on("error", () => {});
    const limiter = createLimiter({ store: postgresStore({ client: pool }), on: { storeError() {} } });
    for (let i = 0; i < 3; i++) {
      expect(await limiter.consume("somebody")).toMatchObject({
        source: "failClosed",
        error: { code: "STORE_FAILED" },
      });
    }
    await pool.end();
    closing.close();
  });
});

describe("a lost reply", () => {
  async function throughProxy(
    kind: string,
    test: (limiter: Limiter, direct: Limiter, lose: (pass: number) => void) => Promise<void>,
  ): Promise<void> {
    const proxy = await startProxy(server.port);
    const connection = connectors[kind]!(proxy.port);
    try {
      const limiterOn = (client: Parameters<typeof postgresStore>[0]["client"]) =>
        createLimiter({
          store: postgresStore({ client }),
          prefix: `lost by ${kind}`,
          policies: fixedWindow({ limit: 100, window: "1h" }),
          timeout: "5s",
        });
      const limiter = limiterOn(connection.client);
      // The connections then know all statements, so that every call has one answer.
      expect(await limiter.refund(await limiter.consume("warm"))).toBe(true);
      await test(limiter, limiterOn(admin), (pass) => proxy.loseAnswer(pass));
      expect(proxy.lost).toBe(1);
    } finally {
      await connection.end();
      await proxy.stop();
    }
  }

  it.each(Object.keys(connectors))("causes an error and only one charge, with %s", async (kind) => {
    await throughProxy(kind, async (limiter, direct, lose) => {
      lose(0);
      const lost = await limiter.consume("charged", { cost: 10 });
      expect(lost).toMatchObject({ allowed: false, source: "failClosed", error: { code: "STORE_FAILED" } });
      expect((await direct.peek("charged")).remaining).toBe(90);
      // A client that reconnects can be used again.
      if (kind !== "a Client of pg") {
        expect(await limiter.consume("charged", { cost: 10 })).toMatchObject({ allowed: true, remaining: 80 });
      }
    });
  });

  it.each(Object.keys(connectors))("of a refund causes an error and only one refund, with %s", async (kind) => {
    await throughProxy(kind, async (limiter, direct, lose) => {
      await limiter.consume("refunded", { cost: 50 });
      const decision = await limiter.consume("refunded", { cost: 10 });
      // The answer to the read passes, and the answer to the write is lost.
      lose(1);
      await expect(limiter.refund(decision)).rejects.toMatchObject({ code: "STORE_FAILED" });
      expect((await direct.peek("refunded")).remaining).toBe(50);
    });
  });
});
