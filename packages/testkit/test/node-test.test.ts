import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("runs under node:test, and reports skipped groups", async () => {
  const file = fileURLToPath(new URL("./fixtures/node-test.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--test-reporter=tap", file]);
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(50);
  expect(stdout).toMatch(/all of it \(skipped: it takes a second\) # SKIP/);
  expect(stdout).toMatch(/all of it \(skipped: memory is not shared\) # SKIP/);
  expect(stdout).toMatch(
    /the clock of the calling process has no effect \(skipped: its clock is this process's\) # SKIP/,
  );
});
