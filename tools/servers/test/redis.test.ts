import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { startRedis, startRedisCluster, startRedisSentinel } from "../src/index.js";

/** Sends one inline command to the server at `port`, and returns the answer. */
async function ask(port: number, command: string, timeoutMs = 2_000): Promise<string> {
  const socket = createConnection({ host: "127.0.0.1", port, timeout: timeoutMs });
  try {
    socket.write(`${command}\r\n`);
    const [chunk] = await Promise.race([
      once(socket, "data"),
      once(socket, "timeout").then(() => ["(no answer)"] as const),
    ]);
    return String(chunk);
  } finally {
    socket.destroy();
  }
}

const refused = { code: "ECONNREFUSED" };

afterEach(() => {
  vi.unstubAllEnvs();
});

test("starts a Redis that answers, and leaves nothing after stop", async () => {
  const redis = await startRedis();
  expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
  expect(await ask(redis.port, "PING")).toBe("+PONG\r\n");
  await redis.stop();
  await expect(ask(redis.port, "PING")).rejects.toMatchObject(refused);
  await redis.stop();
});

test("keeps nothing on disk and passes arguments on", async () => {
  const redis = await startRedis({ args: ["--maxmemory", "3mb"] });
  try {
    expect(await ask(redis.port, "CONFIG GET save")).toMatch(/\$0\r\n\r\n$/);
    expect(await ask(redis.port, "CONFIG GET maxmemory")).toContain("3145728");
  } finally {
    await redis.stop();
  }
});

test("a paused Redis does not answer until it is resumed, and can still be stopped", async () => {
  const redis = await startRedis();
  redis.pause();
  expect(await ask(redis.port, "PING", 100)).toBe("(no answer)");
  redis.resume();
  expect(await ask(redis.port, "PING")).toBe("+PONG\r\n");
  redis.pause();
  await redis.stop();
  await expect(ask(redis.port, "PING")).rejects.toMatchObject(refused);
});

test("a killed Redis can be replaced by an empty one at its port", async () => {
  const first = await startRedis();
  await ask(first.port, "SET a 1");
  await first.kill();
  const second = await startRedis({ port: first.port });
  try {
    expect(await ask(second.port, "GET a")).toBe("$-1\r\n");
  } finally {
    await second.stop();
  }
});

test("a port in use causes an error with the server's output", async () => {
  const redis = await startRedis();
  try {
    await expect(startRedis({ port: redis.port })).rejects.toThrow(/Address already in use/);
  } finally {
    await redis.stop();
  }
});

test("a missing redis-server causes an error that says how to install it", async () => {
  vi.stubEnv("PATH", "/nonexistent");
  await expect(startRedis()).rejects.toThrow(/redis-server is not installed.*apt-get install redis-server/);
});

test("all nodes of a cluster are ready", async () => {
  const cluster = await startRedisCluster({ masters: 3 });
  try {
    expect(cluster.ports).toHaveLength(3);
    for (const port of cluster.ports) {
      const info = await ask(port, "CLUSTER INFO");
      expect(info).toContain("cluster_state:ok");
      expect(info).toContain("cluster_slots_ok:16384");
      expect(info).toContain("cluster_size:3");
    }
  } finally {
    await cluster.stop();
  }
  for (const port of cluster.ports) await expect(ask(port, "PING")).rejects.toMatchObject(refused);
});

test("a replica of a cluster takes over when its master is killed", async () => {
  const cluster = await startRedisCluster({ masters: 3, replicas: 1 });
  try {
    expect(cluster.ports).toHaveLength(6);
    await cluster.nodes[0]?.kill();
    const replica = cluster.ports[3] as number;
    await vi.waitUntil(async () => (await ask(replica, "ROLE")).includes("master"), { timeout: 20_000 });
  } finally {
    await cluster.stop();
  }
});

test("a Sentinel promotes the replica when the master is killed", async () => {
  const { sentinels, name, master, replica, killMaster, stop } = await startRedisSentinel();
  const sentinel = sentinels[0]!;
  const find = () => ask(sentinel.port, `SENTINEL get-master-addr-by-name ${name}`);
  try {
    expect(await find()).toContain(String(master.port));
    await killMaster();
    await vi.waitUntil(async () => (await find()).includes(String(replica.port)), { timeout: 10_000 });
    await vi.waitUntil(async () => (await ask(replica.port, "ROLE")).includes("master"), { timeout: 10_000 });
  } finally {
    await stop();
  }
  for (const { port } of [sentinel, master, replica]) {
    await expect(ask(port, "PING")).rejects.toMatchObject(refused);
  }
});

test.each(["exit", "SIGINT", "SIGKILL"])("servers end with their parent process (%s)", async (how) => {
  const built = new URL("../dist/index.js", import.meta.url).href;
  const script = `
    const { startRedis } = await import(${JSON.stringify(built)});
    console.log((await startRedis()).port);
    ${how === "exit" ? "process.exit(3)" : "setInterval(() => {}, 1000)"}`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(parent, "exit");
  const port = Number(String((await once(parent.stdout, "data"))[0]));
  if (how !== "exit") {
    expect(await ask(port, "PING")).toBe("+PONG\r\n");
    parent.kill(how as NodeJS.Signals);
  }
  await gone;
  await vi.waitFor(() => expect(ask(port, "PING")).rejects.toMatchObject(refused), { timeout: 5_000 });
});

test("removes its temporary folder, even after a failed start", async () => {
  const temporary = await mkdtemp(join(tmpdir(), "sluice-test-"));
  vi.stubEnv("TMPDIR", temporary);
  const redis = await startRedis();
  expect(await readdir(temporary)).toHaveLength(1);
  await expect(startRedis({ port: redis.port })).rejects.toThrow();
  await redis.stop();
  expect(await readdir(temporary)).toEqual([]);
  await rm(temporary, { recursive: true });
});
