import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { createLimiter, type Decision, fixedWindow } from "@sluice/core";
import { startProxy, type Proxy as TcpProxy } from "@sluice/servers";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { type PostgresClient, postgresStore } from "../src/index.js";
import { openPostgresJs } from "./advised.js";
import { startDatabase } from "./database.js";

const { server } = await startDatabase();

const TIMEOUT_MS = 200;

async function throughProxy(
  connectTo: (port: number) => { client: PostgresClient; end(): Promise<unknown> },
  test: (proxy: TcpProxy, limiter: ReturnType<typeof createLimiter>) => Promise<void>,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const proxy = await startProxy(server.port);
  const connection = connectTo(proxy.port);
  const limiter = createLimiter({
    store: postgresStore({ client: connection.client }),
    prefix: `silent ${proxy.port}`,
    policies: fixedWindow({ limit: 1_000_000, window: "1h" }),
    timeout: timeoutMs,
    on: { storeError() {} },
  });
  try {
    await test(proxy, limiter);
  } finally {
    await connection.end();
    await proxy.stop();
  }
}

function openPool(port: number, config: pg.PoolConfig = {}) {
  const client = new pg.Pool({ host: "127.0.0.1", port, user: "postgres", connectionTimeoutMillis: 2_000, ...config });
  return { client, end: () => client.end() };
}

/** Sends requests until the store decides. Resolves to how long this took. */
async function untilStore(ask: () => Promise<Decision>): Promise<number> {
  const startMs = performance.now();
  while ((await ask()).source !== "store") {
    if (performance.now() - startMs > 10_000) throw new Error("no decision of the store in 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - startMs;
}

it("docs/postgres.md prints the socket function that is tested here", async () => {
  const [page, advised] = await Promise.all(
    ["../../../docs/postgres.md", "advised.ts"].map((file) => readFile(new URL(file, import.meta.url), "utf8")),
  );
  const [, body = ""] = /socketWithTimeout.*\{\n([\s\S]*?)\n\}/.exec(advised as string) ?? [];
  const lines = body.split("\n").map((line) => line.trim());
  expect(lines.length).toBe(6);
  for (const line of [...lines, "connect_timeout: 2,"]) expect(page).toContain(line);
});

describe("connections that stay open and silent while new ones work", () => {
  it.each([
    ["a Pool of pg of ten", (port: number) => openPool(port)],
    ["a Pool of pg of one", (port: number) => openPool(port, { max: 1 })],
    [
      "postgres with a socket that has a timeout",
      (port: number) => {
        const client = openPostgresJs(port, 4);
        return { client, end: () => client.end({ timeout: 1 }) };
      },
    ],
  ])("are replaced within 5 s, with %s", async (_, connectTo) => {
    await throughProxy(connectTo, async (proxy, limiter) => {
      // All connections of the pool are open and will become silent.
      await Promise.all(Array.from({ length: 2_000 }, (_, i) => limiter.consume(`warm ${i}`)));
      await Promise.all(Array.from({ length: 20 }, (_, i) => limiter.peek(`warm ${i}`)));
      proxy.freeze();
      const tookMs = await untilStore(() => limiter.consume("somebody"));
      expect(tookMs).toBeLessThan(5_000);
      const decisions = await Promise.all(Array.from({ length: 50 }, (_, i) => limiter.consume(`after ${i}`)));
      expect(decisions.map(({ source }) => source)).toEqual(new Array(50).fill("store"));
    });
  });

  it("a Client of pg cannot be replaced, and the error explains this", async () => {
    const proxy = await startProxy(server.port);
    const client = new pg.Client({ host: "127.0.0.1", port: proxy.port, user: "postgres" });
    await client.connect();
    const store = postgresStore({ client });
    await store.healthCheck();
    proxy.freeze();
    const deadlineMs = performance.now() + 100;
    await expect(store.healthCheck({ deadlineMs })).rejects.toMatchObject({
      code: "STORE_TIMEOUT",
      message: expect.stringMatching(/use a Pool of pg, or set query_timeout/),
    });
    await proxy.stop();
    await client.end().catch(() => {});
  });
});

describe("a pool that cannot open connections", () => {
  it("explains why", async () => {
    const { client, end } = openPool(1);
    const limiter = createLimiter({ store: postgresStore({ client }), timeout: TIMEOUT_MS, on: { storeError() {} } });
    const { error } = await limiter.consume("somebody");
    expect(error).toMatchObject({ code: expect.stringMatching(/^STORE_/), cause: { code: "ECONNREFUSED" } });
    await end();
  });

  it("gets a few requests for connections per second, even under 1,000 calls per second", async () => {
    let connections = 0;
    const closing = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await once(closing.listen(0, "127.0.0.1"), "listening");
    const { client, end } = openPool((closing.address() as AddressInfo).port);
    const limiter = createLimiter({ store: postgresStore({ client }), timeout: TIMEOUT_MS, on: { storeError() {} } });
    for (const call of [() => limiter.consume("somebody"), () => limiter.block("somebody", "1s").catch(() => {})]) {
      connections = 0;
      const calls: Promise<unknown>[] = [];
      const startMs = performance.now();
      while (performance.now() - startMs < 1_000) {
        while (calls.length < performance.now() - startMs) calls.push(call());
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await Promise.all(calls);
      expect(connections).toBeGreaterThan(0);
      expect(connections).toBeLessThan(30);
    }
    await end();
    closing.close();
  });
});

describe("a slow store", () => {
  // The times are long, since another program that uses the whole processor looks like a slower store.
  it("decides 500 calls per second that take 330 or 450 ms each, with a timeout of 600 ms", {
    retry: 3,
  }, async () => {
    let open = async (): Promise<void> => {};
    await throughProxy(
      (port) => {
        const pool = openPool(port);
        open = async () => {
          await Promise.all(Array.from({ length: 10 }, () => pool.client.query("SELECT pg_sleep(0.2)")));
        };
        return pool;
      },
      async (proxy, limiter) => {
        await open();
        await Promise.all(Array.from({ length: 500 }, (_, i) => limiter.consume(`warm ${i}`)));
        for (const delayMs of [330, 450]) {
          proxy.delay(delayMs);
          const asked: Promise<Decision>[] = [];
          const startMs = performance.now();
          while (performance.now() - startMs < 2_000) {
            while (asked.length < (performance.now() - startMs) / 2) {
              asked.push(limiter.consume(`client ${asked.length % 50}`));
            }
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
          const failed = (await Promise.all(asked)).filter(({ source }) => source !== "store");
          expect(failed.length / asked.length).toBeLessThan(0.15);
        }
        proxy.delay(0);
      },
      3 * TIMEOUT_MS,
    );
  });
});
