// All tests, and how many of them passed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "./process.mjs";

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped  the names of the tests
 * @property {string[]} failures  the names of the failed tests and files, each with the first line of its error
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

/** @typedef {{ status: string; fullName: string; failureMessages?: string[] }} TestResult */
/** @typedef {{ name?: string; status: string; message?: string; assertionResults: TestResult[] }} FileResult */

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
  const failures = files.flatMap(failuresOf);
  // Unhandled errors show in the exit code only. No test at all is a failure too.
  if (failures.length === 0 && (!ok || passed === 0)) failures.push("Vitest itself: see its output above");
  return { passed, failed: failures.length, skipped: skipped.map(({ fullName }) => fullName), failures };
}

/** @param {FileResult} file */
function failuresOf(file) {
  const failed = file.assertionResults.filter(({ status }) => status === "failed");
  const where = file.name === undefined ? "" : `${relative(process.cwd(), file.name)}: `;
  // A file that did not load, or whose hooks failed, has no failed test, but it failed.
  if (failed.length === 0) return file.status === "failed" ? [`${where}${firstLine(file.message)}`] : [];
  return failed.map(({ fullName, failureMessages }) => `${where}${fullName}: ${firstLine(failureMessages?.[0])}`);
}

/** @param {string | undefined} text */
function firstLine(text) {
  return text?.trim().split("\n", 1)[0] ?? "no message";
}

/** @param {string} file */
function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
