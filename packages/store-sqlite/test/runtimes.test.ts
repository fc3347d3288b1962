import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const { resolve } = createRequire(import.meta.url);
const run = promisify(execFile);
const suite = fileURLToPath(new URL("./conformance.mjs", import.meta.url));

// Vitest runs the suite with libsql on the Node.js that runs the tests, which may have none of the others.
describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("the whole suite", () => {
  it.each([
    ["node22", "node:sqlite"],
    ["node24", "node:sqlite"],
    ["node24", "better-sqlite3"],
    ["node26", "node:sqlite"],
  ])(
    "on %s with %s",
    async (version, kind) => {
      const node = join(dirname(resolve(`${version}/package.json`)), "bin/node");
      const { stdout: named } = await run(node, ["--version"]);
      expect(named).toMatch(new RegExp(`^v${version.slice(4)}\\.`));
      const { stdout } = await run(node, ["--test-reporter=tap", suite, kind, "2000"], { maxBuffer: 2 ** 26 }).catch(
        (error) => error,
      );
      const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
      const failed = stdout.split("\n").filter((line: string) => /^ *not ok/.test(line));
      // Skipped is that the clock is the backend's.
      expect({ failed, fail: count("fail"), skipped: count("skipped") }).toEqual({ failed: [], fail: 0, skipped: 1 });
      expect(count("pass")).toBeGreaterThan(100);
    },
    120_000,
  );
});
