import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { startDatabase } from "./database.js";

const { server } = await startDatabase();

const bun = fileURLToPath(new URL("../../../tools/runtimes/node_modules/.bin/bun", import.meta.url));
const program = fileURLToPath(new URL("./bun-sql.mjs", import.meta.url));

it("works with SQL of Bun", async () => {
  const { stdout } = await promisify(execFile)(bun, [program, server.url]);
  expect(JSON.parse(stdout)).toEqual({
    allowed: [...new Array(10).fill(true), false, false],
    sources: ["store"],
    refunded: true,
    blocked: false,
    reset: true,
    exported: 2,
    missing: "STORE_NOT_READY",
  });
}, 30_000);
