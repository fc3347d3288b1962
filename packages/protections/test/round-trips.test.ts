import { createLimiter, fixedWindow } from "@sluice/core";
import { createGuard, type HttpPort, limit } from "@sluice/core/http";
import { startPostgres, startRedis } from "@sluice/servers";
import { type OpenedStore, openStore } from "@sluice/storage";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  blocked,
  createBlocklist,
  createDebouncer,
  createProtectGuard,
  createProtections,
  createRegistry,
  once,
  type Protections,
  registered,
} from "../src/index.js";
import { type CountingProxy, startCountingProxy } from "./counting-proxy.js";

/** A request: the address of its client, and its path. */
interface Call {
  readonly from: string;
  readonly path: string;
}

const port: HttpPort<Call> = {
  method: () => "POST",
  header: () => undefined,
  address: ({ from }) => from,
  target: ({ path }) => path,
  body: () => undefined,
};

const limiter = { policies: fixedWindow({ limit: 4, window: "1h" }) };

/** Sends a request, and returns its status. */
type Ask = (from: string, path: string) => Promise<number>;

function asking(protections: Protections): Ask {
  const guard = createProtectGuard<Call, never>(protections, {}, port);
  return async (from, path) => (await guard.check({ from, path }))?.denial?.status ?? 200;
}

describe("on Redis", () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let proxy: CountingProxy;
  let store: OpenedStore;
  let protections: Protections;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
    proxy = await startCountingProxy(server.port);
    store = await openStore(`redis://127.0.0.1:${proxy.port}`);
    protections = createProtections({
      store,
      limiter,
      debounce: { window: "1h" },
      blocklist: { staleFor: "1h" },
    });
    admin = new Redis(server.port);
    // Loads the scripts into the server.
    await asking(protections)("192.0.2.254", "/");
    proxy.roundTrips();
  });
  afterAll(async () => {
    await protections.close();
    await store.close();
    admin.disconnect();
    await server.stop();
  });

  /** The number of scripts that the server ran since the last call. */
  async function scripts(): Promise<number> {
    const stats = await admin.info("commandstats");
    await admin.config("RESETSTAT");
    return ["eval", "evalsha"].reduce((sum, name) => {
      return sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    }, 0);
  }

  it("takes one round trip per answer, and one script if the blocklist has cached the client", async () => {
    const ask = asking(protections);
    await scripts();
    const taken: (readonly [path: string, status: number, trips: number, scripts: number])[] = [];
    for (const path of ["/a", "/a", "/b", "/c", "/d", "/e", "/a"]) {
      const status = await ask("192.0.2.1", path);
      taken.push([path, status, proxy.roundTrips(), await scripts()]);
    }
    expect(taken).toEqual([
      // The blocklist has not cached the client, so a second script reads its block at the same time.
      ["/a", 200, 1, 2],
      ["/a", 409, 1, 1],
      ["/b", 200, 1, 1],
      ["/c", 200, 1, 1],
      ["/d", 200, 1, 1],
      ["/e", 429, 1, 1],
      ["/a", 409, 1, 1],
    ]);
  });

  it("takes no round trip for a blocked client once it is cached, and refunds charges from before", async () => {
    const ask = asking(protections);
    const otherStore = await openStore(server.url);
    const other = createProtections({ store: otherStore, limiter });
    await other.blocklist.block("192.0.2.2");
    proxy.roundTrips();
    expect(await ask("192.0.2.2", "/a")).toBe(403);
    expect(proxy.roundTrips()).toBeGreaterThan(1);
    await scripts();
    expect(await ask("192.0.2.2", "/a")).toBe(403);
    expect([proxy.roundTrips(), await scripts()]).toEqual([0, 0]);
    expect((await other.limiter.peek("192.0.2.2")).remaining).toBe(4);
    await other.close();
    await otherStore.close();
  });

  it("takes one script for blocks, registration, three limits and duplicates, once all is cached", async () => {
    const registry = createRegistry({ store, staleFor: "1h", touchEvery: "1h" });
    await registry.register("ann");
    const blocklist = createBlocklist({ store, staleFor: "1h", prefix: "lists" });
    const windows = createDebouncer({ store, window: "1h", prefix: "lists" });
    const limitOf = (name: string, limit: number) =>
      createLimiter({ store, prefix: "lists", policies: fixedWindow({ name, limit, window: "1h" }) });
    const limits = [limitOf("burst", 3), limitOf("minute", 4), limitOf("day", 5)];
    const guard = createGuard(
      [
        blocked<Call>(blocklist),
        registered<Call>(registry, { id: () => "ann" }),
        once<Call>(windows),
        ...limits.map((limiter) => limit<Call>(limiter)),
      ],
      {},
      port,
    );
    const taken: (readonly [path: string, status: number, trips: number, scripts: number])[] = [];
    proxy.roundTrips();
    await scripts();
    for (const path of ["/a", "/b", "/b", "/c", "/d"]) {
      const verdict = await guard.check({ from: "192.0.2.9", path });
      taken.push([path, verdict?.denial?.status ?? 200, proxy.roundTrips(), await scripts()]);
    }
    expect(taken).toEqual([
      // Nothing is cached yet. The client's block, the blocked networks and its registration are read while the claims
      // are decided.
      ["/a", 200, 1, 4],
      ["/b", 200, 1, 1],
      ["/b", 409, 1, 1],
      ["/c", 200, 1, 1],
      ["/d", 429, 1, 1],
    ]);
    const left = await Promise.all(limits.map((limiter) => limiter.peek("192.0.2.9")));
    expect(left.map(({ remaining }) => remaining)).toEqual([0, 1, 2]);
  });

  it("takes one script for protect with a registry", async () => {
    const all = createProtections({
      store,
      prefix: "registered",
      limiter,
      blocklist: { staleFor: "1h" },
      registry: { staleFor: "1h" },
    });
    await all.registry.register("ann");
    const guard = createProtectGuard<Call, never>(all, { id: () => "ann" }, port);
    await guard.check({ from: "192.0.2.10", path: "/a" });
    proxy.roundTrips();
    await scripts();
    const statuses: (number | undefined)[] = [];
    for (const path of ["/a", "/b"]) {
      statuses.push((await guard.check({ from: "192.0.2.10", path }))?.denial?.status);
    }
    expect([statuses, proxy.roundTrips(), await scripts()]).toEqual([[409, undefined], 2, 2]);
  });

  it("shares scripts between many concurrent requests", async () => {
    const ask = asking(protections);
    const paths = Array.from({ length: 50 }, (_, i) => `/shared/${i}`);
    await ask("192.0.2.3", "/");
    await scripts();
    const statuses = await Promise.all(paths.map((path) => ask("192.0.2.3", path)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(await scripts()).toBeLessThan(5);
  });

  it("gives every stored key a lifetime", async () => {
    await protections.blocklist.block("for ever");
    await protections.blocklist.block("10.0.0.0/8");
    await createRegistry({ store }).register("ann");
    const keys = await admin.keys("*");
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) expect(await admin.pttl(key), key).toBeGreaterThan(0);
  });
});

describe("on Postgres", () => {
  it("takes one round trip per answer", async () => {
    const server = await startPostgres();
    const proxy = await startCountingProxy(server.port);
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres?sslmode=disable`;
    const store = await openStore(url, { createSchema: true });
    const protections = createProtections({ store, limiter, blocklist: { staleFor: "1h" } });
    try {
      const ask = asking(protections);
      // Opens the connections and prepares the statements.
      for (let i = 0; i < 2; i++) await Promise.all([ask("192.0.2.254", `/${i}`), ask("192.0.2.253", `/${i}`)]);
      await protections.blocklist.findBlock("192.0.2.1");
      proxy.roundTrips();
      const taken: (readonly [status: number, trips: number])[] = [];
      for (const path of ["/a", "/a", "/b", "/c", "/d", "/e"]) {
        taken.push([await ask("192.0.2.1", path), proxy.roundTrips()]);
      }
      expect(taken).toEqual([
        [200, 1],
        [409, 1],
        [200, 1],
        [200, 1],
        [200, 1],
        [429, 1],
      ]);
    } finally {
      await protections.close();
      await store.close();
      await server.stop();
    }
  });
});
