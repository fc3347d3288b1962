// The lowest version of better-sqlite3 must be built for each version of Node.js, so it is not a dependency of the
// workspace. Here npm installs it, which downloads or compiles it.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const run = promisify(execFile);
const suite = fileURLToPath(new URL("../../../../packages/store-sqlite/test/conformance.mjs", import.meta.url));

it("the whole suite passes with the lowest version of better-sqlite3", async () => {
  const { installedByTests } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  const folder = await mkdtemp(join(tmpdir(), "sluice-better-sqlite3-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "package.json"), JSON.stringify({ allowScripts: { "better-sqlite3": true } }));
  await run("npm", ["install", `better-sqlite3@${installedByTests["better-sqlite3"]}`], { cwd: folder });

  const env = {
    ...process.env,
    BETTER_SQLITE3: pathToFileURL(join(folder, "node_modules/better-sqlite3/lib/index.js")).href,
  };
  const { stdout } = await run(process.execPath, ["--test-reporter=tap", suite, "better-sqlite3", "2000"], {
    env,
    maxBuffer: 2 ** 26,
  }).catch((error) => error);
  const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
  const failed = stdout.split("\n").filter((line: string) => /^ *not ok/.test(line));
  // The skipped test is about a clock of the backend.
  expect({ failed, fail: count("fail"), skipped: count("skipped") }).toEqual({ failed: [], fail: 0, skipped: 1 });
  expect(count("pass")).toBeGreaterThan(100);
}, 600_000);
