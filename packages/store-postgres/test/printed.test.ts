import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { startProxy } from "@sluice/servers";
import { expect, it, vi } from "vitest";
import { startDatabase } from "./database.js";

const first = await startDatabase();
const second = await startDatabase();

const folder = fileURLToPath(new URL("..", import.meta.url));

/** The printed code block that creates a client, with another address. */
async function printedCode(url: string): Promise<string> {
  const page = await readFile(new URL("../../../docs/postgres.md", import.meta.url), "utf8");
  const block = [...page.matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, code]) => code ?? "")
    .find((code) => code.includes("createLimiter"));
  expect(block).toContain("postgres://localhost/app");
  return (block ?? "").replace("postgres://localhost/app", url);
}

it("the printed code survives a restart of the server", async () => {
  const proxy = await startProxy(first.server.port);
  const code = await printedCode(first.server.url.replace(String(first.server.port), String(proxy.port)));
  const asking = 'setInterval(async () => console.log((await limiter.consume("somebody")).source), 50);';
  const child = spawn(process.execPath, ["--input-type=module", "-e", `${code}\n${asking}`], { cwd: folder });
  const exited = new Promise<number | null>((resolve) => child.on("exit", resolve));
  let printed = "";
  let failed = "";
  child.stdout.on("data", (data) => (printed += data));
  child.stderr.on("data", (data) => (failed += data));
  try {
    await vi.waitUntil(() => /store\n/.test(printed) || child.exitCode !== null, { timeout: 10_000 });
    expect([child.exitCode, failed]).toEqual([null, ""]);
    // Ends the idle connections of the pool, as a restart does.
    await first.admin.end();
    await first.server.stop();
    await vi.waitUntil(() => /failClosed\n/.test(printed) || child.exitCode !== null, { timeout: 10_000 });
    printed = "";
    proxy.redirect(second.server.port);
    await vi.waitUntil(() => /store\n/.test(printed) || child.exitCode !== null, { timeout: 10_000 });
    expect(child.exitCode).toBe(null);
    expect(printed).toMatch(/store\n/);
    // One line for the start of the outage and one for its end, with the reason.
    await vi.waitFor(() => expect(failed.trim().split("\n")).toHaveLength(2), 5_000);
  } finally {
    child.kill();
    await exited;
    await proxy.stop();
  }
}, 40_000);
