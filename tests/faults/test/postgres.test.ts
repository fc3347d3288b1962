import type { Store } from "@sluice/core";
import { startPostgres, startProxy } from "@sluice/servers";
import { openStore } from "@sluice/storage";
import { postgresStore } from "@sluice/store-postgres";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { openPostgresJs } from "../../../packages/store-postgres/test/advised.js";
import {
  chargedOnce,
  cutReplies,
  dropPackets,
  type Fault,
  failures,
  type Summary,
  startTraffic,
  stopProcess,
  underFault,
} from "./traffic.js";

const MAX_CONNECTIONS = 25;

/** Opens a store at a port. Everything that it opens is closed after the test. */
type Open = (port: number) => Promise<Store>;

const openPg: Open = async (port) => {
  const store = await openStore(`postgres://postgres@127.0.0.1:${port}/postgres`, { createSchema: true });
  onTestFinished(() => store.close());
  return store;
};

/** Opens a store with the settings that docs/postgres.md advises. */
const openPackagePostgres: Open = async (port) => {
  // Both connections are in use all the time, so a fault affects both.
  const client = openPostgresJs(port, 2);
  const store = postgresStore({ client });
  onTestFinished(async () => {
    await store.close();
    await client.end({ timeout: 1 });
  });
  await store.createSchema();
  return store;
};

/** Starts a server, a connection for the test's own commands, and a store that is connected through a proxy. */
async function start(open: Open = openPg) {
  const server = await startPostgres({ settings: { max_connections: String(MAX_CONNECTIONS) } });
  const proxy = await startProxy(server.port);
  const admin = new pg.Pool({ connectionString: server.url, max: 1 });
  admin.on("error", () => {});
  onTestFinished(async () => {
    await admin.end();
    await proxy.stop();
    await server.stop();
  });
  const store = await open(proxy.port);
  const backends = async (): Promise<readonly number[]> => {
    const others = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    return (await admin.query(others)).rows.map(({ pid }) => pid);
  };
  return { server, proxy, admin, store, backends };
}

type Started = Awaited<ReturnType<typeof start>>;

async function broken(fault: (started: Started) => Omit<Fault, "store" | "prefix">, open?: Open): Promise<Summary> {
  const started = await start(open);
  return underFault({ store: started.store, prefix: "faults", ...fault(started) });
}

describe.each([
  ["pg", openPg],
  ["the postgres package", openPackagePostgres],
] as const)("with %s", (_, open) => {
  it("survives a crash that restarts the server and empties the unlogged table", async () => {
    const summary = await broken(
      ({ backends }) => ({
        // When one of its processes is killed, the server ends all others and recovers.
        begin: (traffic) =>
          traffic.losingState(async () => {
            const [pid] = await backends();
            process.kill(pid as number, "SIGKILL");
            await traffic.during(500);
          }),
        lastsMs: 0,
      }),
      open,
    );
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("survives a server that is stopped and continued", async () => {
    const summary = await broken(({ server }) => stopProcess(server), open);
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("charges again when the server is no longer read-only", async () => {
    const summary = await broken(({ admin }) => {
      const setTo = async (value: "on" | "off") => {
        await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
        await admin.query("SELECT pg_reload_conf()");
      };
      return { begin: () => setTo("on"), end: () => setTo("off"), after: chargedOnce };
    }, open);
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("opens new connections when the server ends them repeatedly", async () => {
    const summary = await broken(
      ({ admin }) => ({
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
      }),
      open,
    );
    expect(summary.asked.length).toBeGreaterThan(100);
  });

  it("charges at most once if the network cuts replies in the middle", async () => {
    const summary = await broken(({ proxy }) => cutReplies(proxy), open);
    expect(failures(summary)).toBeGreaterThan(0);
  });

  it("replaces connections that no longer carry data", async () => {
    const summary = await broken(({ proxy }) => dropPackets(proxy), open);
    expect(failures(summary)).toBeGreaterThan(0);
  });
});

it("waits until the server has free connections again", async () => {
  const summary = await broken(({ server, backends }) => {
    const others: pg.Client[] = [];
    return {
      // Other clients take every connection that the store loses.
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

it("decides for all other clients while one client's row is locked", async () => {
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
  // On a busy machine, some of the others may be late.
  const others = failed.filter((client) => client !== 7);
  expect(others.length).toBeLessThan(summary.asked.length / 20);
});
