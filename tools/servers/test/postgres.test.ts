import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { expect, test, vi } from "vitest";
import { startPgbouncer, startPostgres, systemPgbouncer, systemPostgres } from "../src/index.js";
import { embeddedPostgres } from "../src/postgres-binaries.js";

const refused = { code: "ECONNREFUSED" };

async function ask(url: string, text: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: "array" })).rows[0]![0];
  } finally {
    await client.end();
  }
}

/** Returns whether the process exists and is not a zombie. */
async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}

test("starts PostgreSQL 18 with settings, and leaves nothing after stop, even with open connections", async () => {
  const server = await startPostgres({ settings: { max_connections: "17" } });
  const open = new pg.Client(server.url);
  open.on("error", () => {});
  await open.connect();
  expect(await ask(server.url, "SHOW server_version")).toMatch(/^18\./);
  expect(await ask(server.url, "SHOW max_connections")).toBe("17");
  expect(await ask(server.url, "SHOW listen_addresses")).toBe("127.0.0.1");
  const startedMs = performance.now();
  await server.stop();
  expect(performance.now() - startedMs).toBeLessThan(4_000);
  await expect(ask(server.url, "SELECT 1")).rejects.toMatchObject(refused);
  await server.stop();
});

test("pause also freezes the connections, resume continues them, and a frozen server can be killed", async () => {
  const server = await startPostgres();
  const client = new pg.Client(server.url);
  client.on("error", () => {});
  await client.connect();
  const backend = (await client.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;
  await server.pause();
  expect(await runs(backend)).toBe(true);
  let answered = false;
  const answer = client.query("SELECT 1").then(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(answered).toBe(false);
  await server.resume();
  await answer;
  await server.pause();
  await server.kill();
  await vi.waitUntil(async () => !(await runs(backend)), { timeout: 5_000 });
});

const system = systemPostgres();

test.skipIf(system === undefined)(
  `starts this machine's own PostgreSQL${system ? "" : " (skipped: none is installed)"}`,
  async () => {
    const server = await startPostgres({ binaries: system! });
    expect(await ask(server.url, "SELECT 1")).toBe(1);
    await server.stop();
  },
);

test.skipIf(process.getuid?.() !== 0)("starts as root from a folder that only root may enter", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-test-"));
  try {
    await cp(dirname(await embeddedPostgres()), join(folder, "native"), { recursive: true, verbatimSymlinks: true });
    const server = await startPostgres({ binaries: join(folder, "native", "bin") });
    expect(await ask(server.url, "SELECT 1")).toBe(1);
    await server.stop();
  } finally {
    await rm(folder, { recursive: true });
  }
});

const pgbouncer = systemPgbouncer();

test.skipIf(pgbouncer === undefined)(
  `starts a pooler in transaction mode${pgbouncer ? "" : " (skipped: pgbouncer is not installed)"}`,
  async () => {
    const server = await startPostgres();
    const pooler = await startPgbouncer(pgbouncer!, server.port);
    expect(await ask(`postgres://somebody@127.0.0.1:${pooler.port}/postgres`, "SELECT current_user")).toBe("postgres");
    await pooler.stop();
    await server.stop();
  },
);
