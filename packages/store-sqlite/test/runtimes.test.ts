import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const { resolve } = createRequire(import.meta.url);
const run = promisify(execFile);
const suite = fileURLToPath(new URL("./conformance.mjs", import.meta.url));

async function nodeOf(version: string): Promise<string> {
  const node = join(dirname(resolve(`${version}/package.json`)), "bin/node");
  const { stdout: named } = await run(node, ["--version"]);
  expect(named).toMatch(new RegExp(`^v${version.slice(4)}\\.`));
  return node;
}

// Vitest runs the suite with libsql on the Node.js of the tests, where the other clients may not work.
describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("on other versions of Node.js", () => {
  it.each([
    ["node22", "node:sqlite"],
    ["node24", "node:sqlite"],
    ["node24", "better-sqlite3"],
    ["node26", "node:sqlite"],
  ])(
    "passes the whole suite on %s with %s",
    async (version, kind) => {
      const node = await nodeOf(version);
      const { stdout } = await run(node, ["--test-reporter=tap", suite, kind, "2000"], { maxBuffer: 2 ** 26 }).catch(
        (error) => error,
      );
      const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
      const failed = stdout.split("\n").filter((line: string) => /^ *not ok/.test(line));
      // The skipped tests are those for a clock of the backend.
      expect({ failed, fail: count("fail"), skipped: count("skipped") }).toEqual({ failed: [], fail: 0, skipped: 1 });
      expect(count("pass")).toBeGreaterThan(100);
    },
    120_000,
  );

  it.each(["node22", "node24", "node26"])("openSqlite uses the SQLite of %s", async (version) => {
    const script = `
      import { openSqlite } from "@sluice/store-sqlite";
      const client = await openSqlite(":memory:");
      console.log(client.constructor.name);
      for (const path of ["/nowhere/limits.db", process.argv[1]])
        await openSqlite(path).catch(({ code, message }) => console.log(code, message));`;
    const text = fileURLToPath(import.meta.url);
    const { stdout } = await run(await nodeOf(version), ["--input-type=module", "-e", script, text], {
      cwd: dirname(text),
    });
    expect(stdout.trim().split("\n")).toEqual([
      "DatabaseSync",
      expect.stringMatching(/^STORAGE_UNAVAILABLE .* the folder \/nowhere does not exist/),
      expect.stringMatching(/^STORAGE_UNAVAILABLE .*runtimes\.test\.ts can't be opened: file is not a database/),
    ]);
  });
});
