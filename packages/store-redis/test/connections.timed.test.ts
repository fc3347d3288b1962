import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter, type Decision, fixedWindow, type Limiter } from "@sluice/core";
import { type RedisServer, startProxy, startRedis, type Proxy as TcpProxy } from "@sluice/servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.js";
import { type Tuned, tuned } from "./settings.js";

let server: RedisServer;
let other: RedisServer;
let admin: Redis;
let adminOfOther: Redis;

beforeAll(async () => {
  [server, other] = await Promise.all([startRedis(), startRedis()]);
  admin = new Redis(server.port);
  adminOfOther = new Redis(other.port);
});
afterAll(async () => {
  admin.disconnect();
  adminOfOther.disconnect();
  await Promise.all([server.stop(), other.stop()]);
});
beforeEach(() => admin.flushall());

/** Runs a test with a recommended client behind a proxy, once the store has answered. */
async function behindProxy(name: string, test: (limiter: Limiter, proxy: TcpProxy) => Promise<void>): Promise<void> {
  const proxy = await startProxy(server.port);
  const { options, end } = (tuned[name] as (port: number) => Tuned)(proxy.port);
  try {
    const limiter = createLimiter({
      store: redisStore(options),
      policies: fixedWindow({ limit: 1_000_000, window: "1h" }),
      on: { storeError() {}, storeRecovered() {} },
    });
    while ((await limiter.consume("warm")).source !== "store") await sleep(10);
    await test(limiter, proxy);
  } finally {
    end();
    await proxy.stop();
  }
}

/** Keeps sending requests until the store decides again. Returns how long this took. */
async function untilDecided(limiter: Limiter): Promise<number> {
  const startMs = performance.now();
  let decided: number | undefined;
  while (decided === undefined) {
    if (performance.now() - startMs > 15_000) throw new Error("the store did not decide again within 15 s");
    void limiter.consume("somebody").then(({ source }) => {
      if (source === "store") decided ??= performance.now() - startMs;
    });
    await sleep(20);
  }
  return decided;
}

it("the README prints the settings that are tested here", async () => {
  const [readme, settings] = await Promise.all(
    ["../README.md", "settings.ts"].map((file) => readFile(new URL(file, import.meta.url), "utf8")),
  );
  const lines =
    (settings as string).match(/^ +(?:\w+: (?:[\d_]+|false)|retryStrategy|reconnectOnError|reconnectStrategy).*,$/gm) ??
    [];
  expect(lines.length).toBe(10);
  for (const line of lines) expect(readme).toContain(line.trim().replace(/: (number|Error)(?=\))/, ""));
});

describe.each(Object.keys(tuned))("with the recommended settings of %s, the store", (name) => {
  it("soon decides again if the connection is silent and a new one works", async () => {
    await behindProxy(name, async (limiter, proxy) => {
      proxy.freeze();
      expect(await untilDecided(limiter)).toBeLessThan(5_000);
      expect((await limiter.consume("somebody")).source).toBe("store");
    });
  });

  it("soon decides again after a failover behind one address", async () => {
    await behindProxy(name, async (limiter, proxy) => {
      await admin.replicaof("127.0.0.1", other.port);
      proxy.redirect(other.port);
      try {
        const refused: Decision = await limiter.consume("somebody");
        expect(refused).toMatchObject({ source: "failClosed", error: { code: "STORE_FAILED" } });
        expect(refused.error?.message).toMatch(/READONLY.*"reconnectOnError".*"reconnect"/);
        expect(await untilDecided(limiter)).toBeLessThan(2_000);
      } finally {
        await admin.replicaof("NO", "ONE");
      }
    });
  });

  it("soon decides again after an outage of several seconds", async () => {
    const spare = await startRedis();
    await spare.stop();
    await behindProxy(name, async (limiter, proxy) => {
      // First, because the client connects again immediately.
      proxy.redirect(spare.port);
      await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      while ((await limiter.consume("somebody")).source === "store") await sleep(10);
      await sleep(2_000);
      proxy.redirect(server.port);
      expect(await untilDecided(limiter)).toBeLessThan(2_000);
    });
  });
});
