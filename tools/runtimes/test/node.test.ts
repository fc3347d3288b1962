import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { bundle } from "./bundle.js";

const { resolve } = createRequire(import.meta.url);
const run = promisify(execFile);

let suites: string;

beforeAll(async () => {
  suites = await bundle("suites", ["express", "express4", "koa", "koa2", "hono", "hono/*", "@hono/*"]);
});

// Vitest runs the suites on the Node.js that runs the tests; here they run on the other versions.
describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("all adapters on", () => {
  it.each(["node22", "node24", "node26"])(
    "%s",
    async (version) => {
      const node = join(dirname(resolve(`${version}/package.json`)), "bin/node");
      const { stdout: named } = await run(node, ["--version"]);
      expect(named).toMatch(new RegExp(`^v${version.slice(4)}\\.`));
      const { stdout } = await run(node, ["--test-reporter=tap", suites], { maxBuffer: 2 ** 26 }).catch(
        (error) => error,
      );
      const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
      const failed = stdout.split("\n").filter((line: string) => line.includes("not ok"));
      expect({ failed, fail: count("fail"), skipped: count("skipped") }).toEqual({ failed: [], fail: 0, skipped: 0 });
      expect(count("pass")).toBeGreaterThan(500);
    },
    120_000,
  );
});
