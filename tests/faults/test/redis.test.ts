import type { Store } from "@sluice/core";
import { startProxy, startRedis } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { tuned } from "../../../packages/store-redis/test/settings.js";
import {
  chargedOnce,
  cutReplies,
  dropPackets,
  type Fault,
  failures,
  type Summary,
  stopProcess,
  underFault,
} from "./traffic.js";

/** Opens a store at a port. Everything that it opens is closed after the test. */
type Open = (port: number) => Promise<Store>;

const openIoredis: Open = async (port) => {
  const store = await openStore(`redis://127.0.0.1:${port}`);
  onTestFinished(() => store.close());
  return store;
};

/** Opens a store with the settings that the README advises. */
const openNodeRedis: Open = async (port) => {
  const { options, end } = (tuned["node-redis 6"] as (typeof tuned)[string])(port);
  const store = redisStore(options);
  onTestFinished(async () => {
    await store.close();
    end();
  });
  return store;
};

/** A server, a connection for the test's own commands, and a store that is connected through a proxy. */
async function start(open: Open) {
  let server = await startRedis();
  const proxy = await startProxy(server.port);
  const admin = new Redis(server.port, { maxRetriesPerRequest: null });
  admin.on("error", () => {});
  onTestFinished(async () => {
    admin.disconnect();
    await proxy.stop();
    await server.stop();
  });
  const store = await open(proxy.port);
  return {
    proxy,
    admin,
    store,
    port: server.port,
    server: () => server,
    async restart() {
      await server.kill();
      server = await startRedis({ port: server.port });
    },
  };
}

type Started = Awaited<ReturnType<typeof start>>;

async function broken(
  fault: (started: Started) => Omit<Fault, "store" | "prefix">,
  open: Open = openIoredis,
): Promise<Summary> {
  const started = await start(open);
  return underFault({ store: started.store, prefix: "faults", ...fault(started) });
}

describe.each([
  ["ioredis", openIoredis],
  ["node-redis", openNodeRedis],
] as const)("with %s", (_, open) => {
  it("survives a server that is killed and restarts empty", async () => {
    const summary = await broken(
      ({ restart, server }) => ({
        begin: (traffic) =>
          traffic.losingState(async () => {
            await server().kill();
            await traffic.during(700);
            await restart();
          }),
        lastsMs: 0,
      }),
      open,
    );
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("survives a server that is stopped and continued", async () => {
    const summary = await broken(({ server }) => stopProcess(server()), open);
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("survives a server that is a read-only replica for a while", async () => {
    const summary = await broken(
      ({ admin, proxy }) => ({
        // Nothing is replicated, since no server listens there.
        begin: () => admin.replicaof("127.0.0.1", 1),
        end: async () => {
          await admin.replicaof("NO", "ONE");
          proxy.reset();
        },
        after: chargedOnce,
      }),
      open,
    );
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("charges at most once if the network cuts replies in the middle", async () => {
    const summary = await broken(({ proxy }) => cutReplies(proxy), open);
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("replaces connections that no longer carry data", async () => {
    const summary = await broken(({ proxy }) => dropPackets(proxy), open);
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("opens a new connection when one is reset", async () => {
    await broken(
      ({ proxy }) => ({
        begin: async (traffic) => {
          for (let i = 0; i < 10; i++) {
            proxy.reset();
            await traffic.during(50);
          }
        },
        lastsMs: 0,
        after: chargedOnce,
      }),
      open,
    );
  });
});

it("continues without failures when scripts are flushed", async () => {
  const summary = await broken(({ admin }) => ({
    begin: async (traffic) => {
      for (let i = 0; i < 20; i++) {
        await admin.script("FLUSH");
        await traffic.during(20);
      }
    },
    lastsMs: 0,
    // A long timeout, so that no decision is late on a busy machine.
    timeoutMs: 5_000,
    after: chargedOnce,
  }));
  expect(failures(summary)).toBe(0);
});

it("continues with empty state after FLUSHALL", async () => {
  await broken(({ admin }) => ({ begin: (traffic) => traffic.losingState(() => admin.flushall()), lastsMs: 300 }));
});

it("survives a full memory in which nothing may be evicted", async () => {
  const summary = await broken(({ admin }) => ({
    begin: () => admin.config("SET", "maxmemory", "1"),
    end: () => admin.config("SET", "maxmemory", "0"),
    after: chargedOnce,
  }));
  expect(failures(summary)).toBeGreaterThan(0);
});

it("recovers from a slow network, and charges nothing twice", async () => {
  const summary = await broken(({ proxy }) => ({
    begin: () => proxy.delay(400),
    end: () => proxy.delay(0),
    after: chargedOnce,
  }));
  expect(failures(summary)).toBeGreaterThan(0);
});
