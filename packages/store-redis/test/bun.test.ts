import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startRedis } from "@sluice/servers";
import { expect, it } from "vitest";

it("limits with Bun's own client", async () => {
  const server = await startRedis();
  try {
    const bun = fileURLToPath(new URL("../node_modules/bun/bin/bun.exe", import.meta.url));
    const program = fileURLToPath(new URL("bun-client.mjs", import.meta.url));
    const { stdout } = await promisify(execFile)(bun, [program, String(server.port)]);
    expect(JSON.parse(stdout)).toEqual({
      sources: ["store"],
      allowed: 10,
      refunded: true,
      blocked: true,
      listed: ["sluice:default:fixed-window:somebody"],
    });
  } finally {
    await server.stop();
  }
});
