import { startPostgres, startProxy } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { chargedOnce, cutReplies, type Fault, failures, type Summary, startTraffic, underFault } from "./traffic.js";

const MAX_CONNECTIONS = 25;

/** A server, a connection for the test's own commands, and a store whose traffic goes through a proxy. */
async function start() {
  const server = await startPostgres({ settings: { max_connections: String(MAX_CONNECTIONS) } });
  const proxy = await startProxy(server.port);
  const admin = new pg.Pool({ connectionString: server.url, max: 1 });
  admin.on("error", () => {});
  const store = await openStore(`postgres://postgres@127.0.0.1:${proxy.port}/postgres`, { createSchema: true });
  onTestFinished(async () => {
    await store.close();
    await admin.end();
    await proxy.stop();
    await server.stop();
  });
  const backends = async (): Promise<readonly number[]> => {
    const others = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    return (await admin.query(others)).rows.map(({ pid }) => pid);
  };
  return { server, proxy, admin, store, backends };
}

type Started = Awaited<ReturnType<typeof start>>;

async function broken(fault: (started: Started) => Omit<Fault, "store" | "prefix">): Promise<Summary> {
  const started = await start();
  return underFault({ store: started.store, prefix: "faults", ...fault(started) });
}

it("survives a crash, after which the server restarts and the unlogged table is empty", async () => {
  const summary = await broken(({ backends }) => ({
    // When one of its processes is killed, the server ends all others, and recovers.
    begin: (traffic) =>
      traffic.losingState(async () => {
        const [pid] = await backends();
        process.kill(pid as number, "SIGKILL");
        await traffic.during(500);
      }),
    lastsMs: 0,
  }));
  expect(failures(summary)).toBeGreaterThan(0);
});

it("survives a server that is stopped and continued", async () => {
  const summary = await broken(({ server }) => ({
    begin: () => server.pause(),
    end: () => server.resume(),
    after: chargedOnce,
  }));
  expect(failures(summary)).toBeGreaterThan(0);
});

it("waits until the server has connections again", async () => {
  const summary = await broken(({ server, backends }) => {
    const others: pg.Client[] = [];
    return {
      // Others take every connection that the store loses.
      begin: async (traffic) => {
        for (const pid of await backends()) process.kill(pid, "SIGTERM");
        while (others.length < MAX_CONNECTIONS) {
          const client = new pg.Client({ connectionString: server.url, user: "postgres" });
          client.on("error", () => {});
          try {
            await client.connect();
          } catch {
            break;
          }
          others.push(client);
        }
        expect(others.length).toBeGreaterThan(0);
        await traffic.during(300);
      },
      end: () => Promise.all(others.map((client) => client.end())),
      after: chargedOnce,
    };
  });
  expect(summary.asked.length).toBeGreaterThan(100);
});

it("charges again when the server is no longer read-only", async () => {
  const summary = await broken(({ admin }) => {
    const setTo = async (value: "on" | "off") => {
      await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
      await admin.query("SELECT pg_reload_conf()");
    };
    return { begin: () => setTo("on"), end: () => setTo("off"), after: chargedOnce };
  });
  expect(failures(summary)).toBeGreaterThan(0);
});

it("decides for all other clients while the row of one is locked", async () => {
  const { store, admin } = await start();
  const traffic = startTraffic(store, { prefix: "faults" });
  await traffic.during(300);
  const lock = await admin.connect();
  await lock.query("BEGIN");
  const { rowCount } = await lock.query("SELECT FROM sluice.sluice_entries WHERE key LIKE '%client 7' FOR UPDATE");
  await traffic.during(1_000);
  await lock.query("ROLLBACK");
  lock.release();
  expect(await traffic.recoveryMs()).toBeLessThan(2_000);
  const summary = await traffic.stop();
  expect(rowCount).toBeGreaterThan(0);
  await chargedOnce(traffic, summary);
  const failed = summary.asked.flatMap(({ decision: { error } }, i) => (error === undefined ? [] : [i % 20]));
  // A busy machine may make some of the others late.
  const others = failed.filter((client) => client !== 7);
  expect(others.length).toBeLessThan(summary.asked.length / 20);
});

it("opens other connections when the server ends them, again and again", async () => {
  const summary = await broken(({ admin }) => ({
    begin: async (traffic) => {
      for (let i = 0; i < 10; i++) {
        await admin.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
        await traffic.during(50);
      }
    },
    lastsMs: 0,
    after: chargedOnce,
  }));
  expect(summary.asked.length).toBeGreaterThan(100);
});

it("charges at most once what the network cuts in the middle of a reply", async () => {
  const summary = await broken(({ proxy }) => cutReplies(proxy));
  expect(failures(summary)).toBeGreaterThan(0);
});

it("leaves connections on which nothing passes any more", async () => {
  const summary = await broken(({ proxy }) => ({
    begin: () => proxy.freeze(),
    lastsMs: 0,
    withinMs: 5_000,
    after: chargedOnce,
  }));
  expect(failures(summary)).toBeGreaterThan(0);
});
