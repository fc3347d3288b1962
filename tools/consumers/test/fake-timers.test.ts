// Jest's fake timers replace all clocks and timers. No store may depend on a timer that never fires.
import { type RedisServer, startRedis } from "@sluice/servers";
import { afterAll, beforeAll, it } from "vitest";
import { expectJest, jestProject, versions } from "./jest.js";

/** The setup of each client. node-redis writes to its socket in an immediate, so that must not be faked. */
const CLIENTS = {
  ioredis: `
    const fakes = {};
    const { Redis } = require("ioredis");
    const { redisStore } = require("@sluice/store-redis");
    const open = async () => {
      const client = new Redis(process.env.REDIS_URL);
      await client.ping();
      return { store: redisStore({ client }), close: () => client.quit() };
    };
  `,
  "node-redis": `
    const fakes = { doNotFake: ["setImmediate"] };
    const { createClient } = require("redis");
    const { redisStore } = require("@sluice/store-redis");
    const open = async () => {
      const client = await createClient({ url: process.env.REDIS_URL }).connect();
      return { store: redisStore({ client }), close: () => client.close() };
    };
  `,
  sqlite: `
    const fakes = {};
    const { createSchema, openSqlite, sqliteStore } = require("@sluice/store-sqlite");
    const open = async () => {
      const client = await openSqlite(__dirname + "/limits.db");
      await createSchema(client);
      return { store: sqliteStore({ client }), close: () => client.close() };
    };
  `,
};

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Returns the source of tests that call the limiter under fake timers, and again under real ones. */
const tests = (opening: string, prefix: string) => `
  const { createLimiter, fixedWindow } = require("@sluice/core");
  ${opening}
  const decided = { allowed: true, source: "store" };
  jest.setTimeout(60_000);
  let opened, limiter;
  const makeLimiter = (name) => createLimiter({
    store: opened.store, prefix: "${prefix}" + name, policies: fixedWindow({ limit: 100, window: "1h" }), timeout: "20s",
  });
  afterEach(async () => {
    jest.useRealTimers();
    await limiter.close();
    await opened.store.close();
    await opened.close();
  });

  test.each([["modern", fakes], ["legacy", { legacyFakeTimers: true }]])("decides under %s fake timers", async (name, options) => {
    opened = await open();
    limiter = makeLimiter(name);
    jest.useFakeTimers(options);
    expect(await limiter.consume("a")).toMatchObject(decided);
    for (const decision of await Promise.all(Array.from({ length: 20 }, () => limiter.consume("b")))) {
      expect(decision).toMatchObject(decided);
    }
    jest.useRealTimers();
    expect(await limiter.consume("a")).toMatchObject(decided);
    expect(await limiter.peek("a")).toMatchObject({ remaining: 98 });
  });

  test("settles calls of fake timers under real ones, and decides new calls", async () => {
    opened = await open();
    jest.useFakeTimers(fakes);
    limiter = makeLimiter("pending");
    const pending = Array.from({ length: 20 }, () => limiter.consume("a"));
    jest.useRealTimers();
    await Promise.all(pending);
    expect(await limiter.consume("b")).toMatchObject(decided);
  });

  test("decides after timers were faked for a while and nothing was asked", async () => {
    opened = await open();
    limiter = makeLimiter("idle");
    expect(await limiter.consume("a")).toMatchObject(decided);
    jest.useFakeTimers(fakes);
    jest.advanceTimersByTime(3_600_000);
    jest.useRealTimers();
    expect(await limiter.consume("a")).toMatchObject(decided);
  });
`;

for (const version of versions) {
  it.concurrent(`${version}: stores decide under fake timers, and after them under real ones`, async () => {
    const files = Object.entries(CLIENTS).map(([name, opening]) => [
      `${name}.test.js`,
      tests(opening, `${version}-${name}`),
    ]);
    const folder = await jestProject(version, "fake-timers", { "package.json": {}, ...Object.fromEntries(files) });
    await expectJest(version, folder, { passed: 4 * files.length, env: { REDIS_URL: redis.url } });
  });
}
