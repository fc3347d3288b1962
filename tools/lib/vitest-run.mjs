// All tests, and how many of them passed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./process.mjs";

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped  the names of the tests
 */

/**
 * Runs Vitest in the terminal and returns its counts.
 * @returns {Counts}
 */
export function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), "sluice-vitest-"));
  const file = join(folder, "result.json");
  try {
    const ok = run("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`]);
    return countsOf(ok, readResult(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @typedef {{ status: string; assertionResults: { status: string; fullName: string }[] }} FileResult */

/**
 * @param {boolean} ok  whether Vitest ended with exit code 0
 * @param {{ testResults: FileResult[] } | undefined} result  its JSON report; undefined when it wrote none
 * @returns {Counts}
 */
export function countsOf(ok, result) {
  const files = result?.testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter(({ status }) => status === "passed").length;
  const skipped = tests.filter(({ status }) => status !== "passed" && status !== "failed");
  let failed = tests.filter(({ status }) => status === "failed").length;
  // A file that did not load, or whose hooks failed, has no failed test, but it failed.
  failed += files.filter(
    (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
  ).length;
  // Unhandled errors show in the exit code only. No test at all is a failure too.
  if (failed === 0 && (!ok || passed === 0)) failed = 1;
  return { passed, failed, skipped: skipped.map(({ fullName }) => fullName) };
}

/** @param {string} file */
function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
