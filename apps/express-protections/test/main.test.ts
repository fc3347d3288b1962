import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Demo, startRedis } from "@sluice/servers";
import { demoStarter } from "@sluice/servers/demo-tests";
import { afterAll, expect, it } from "vitest";

const { STORAGE: _, ...inherited } = process.env;
const start = demoStarter(new URL("../dist/main.js", import.meta.url), inherited);
const folder = mkdtempSync(join(tmpdir(), "sluice-demo-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function untilListening(demo: Demo): Promise<string> {
  const [, port] = await demo.untilPrinted(/Listening on http:\/\/localhost:(\d+), [\s\S]*Ctrl-C/);
  return `http://127.0.0.1:${port}`;
}

async function order(url: string, item: number): Promise<number> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/orders`, { method: "POST", headers, body: JSON.stringify({ item }) });
  await response.text();
  return response.status;
}

async function manage(
  url: string,
  method: string,
  key: string,
  headers = { "x-api-key": "demo-admin" },
): Promise<number> {
  const response = await fetch(`${url}/blocks/${encodeURIComponent(key)}`, { method, headers });
  await response.text();
  return response.status;
}

it("protects in memory, prints commands to try, and stops on a signal", async () => {
  const demo = start();
  const url = await untilListening(demo);
  expect(demo.printed.out).toContain("kept in memory.");
  const statuses: number[] = [];
  for (const item of [1, 1, 2, 3, 4, 5, 6, 6, 1]) statuses.push(await order(url, item));
  expect(statuses).toEqual([201, 409, 201, 201, 201, 201, 429, 429, 409]);

  expect(await manage(url, "PUT", "127.0.0.0/8", { "x-api-key": "somebody" })).toBe(403);
  expect(await manage(url, "PUT", "127.0.0.0/8")).toBe(200);
  expect(await order(url, 7)).toBe(403);
  expect(await manage(url, "DELETE", "127.0.0.0/8")).toBe(204);
  expect(await order(url, 7)).toBe(429);

  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
  expect(demo.printed.err).toBe("");
});

it("shares all state between processes on one storage, and keeps it when they end", async () => {
  const redis = await startRedis();
  try {
    for (const STORAGE of [redis.url, `sqlite:${join(folder, "state.db")}`]) {
      const demos = [start({ STORAGE }), start({ STORAGE })];
      const [one, other] = (await Promise.all(demos.map(untilListening))) as [string, string];
      const both = await Promise.all([order(one, 1), order(other, 1)]);
      expect(both.sort()).toEqual([201, 409]);
      for (const { child } of demos) child.kill("SIGTERM");
      expect(await Promise.all(demos.map(({ ended }) => ended))).toEqual([0, 0]);
      expect(await order(await untilListening(start({ STORAGE })), 1)).toBe(409);
    }
  } finally {
    await redis.stop();
  }
});

it.each([
  [
    "redsi://localhost",
    'STORAGE: [sluice] the store URL has the unknown scheme "redsi": did you mean redis://HOST:PORT/DB?\n',
  ],
  [
    "redis://user:secret@127.0.0.1:1",
    /^STORAGE: \[sluice\] the store redis:\/\/\*\*\*@127\.0\.0\.1:1 can't be used: .*\n$/,
  ],
  [
    "sqlite:/no/such/folder/state.db",
    /^STORAGE: \[sluice\] the store sqlite:\/no\/such\/folder\/state\.db can't be used: .*\n$/,
  ],
])("prints the error for STORAGE=%s", async (STORAGE, message) => {
  const demo = start({ STORAGE });
  expect(await demo.ended).toBe(1);
  if (typeof message === "string") expect(demo.printed.err).toBe(message);
  else expect(demo.printed.err).toMatch(message);
});

it("prints the error for an invalid PORT", async () => {
  const demo = start({ PORT: "http" });
  expect(await demo.ended).toBe(1);
  expect(demo.printed.err).toMatch(/^PORT must be a number .* got "http"/);
});
