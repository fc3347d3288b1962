// Runs all tests, and counts how many passed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "./process.mjs";

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped  the names of the skipped tests
 * @property {string[]} failures  the names of the failed tests and files, each with the first line of its error
 * @property {string[]} retried  the same for tests that passed only on a retry
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
 * @param {boolean} ok  true if Vitest ended with exit code 0
 * @param {{ testResults: FileResult[] } | undefined} result  its JSON report; undefined if it wrote none
 * @returns {Counts}
 */
export function countsOf(ok, result) {
  const files = result?.testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter(({ status }) => status === "passed").length;
  const skipped = tests.filter(({ status }) => status !== "passed" && status !== "failed");
  const failures = files.flatMap(failuresOf);
  // Unhandled errors affect only the exit code. A run without any test is a failure too.
  if (failures.length === 0 && (!ok || passed === 0)) failures.push("Vitest itself: see its output above");
  const retried = files.flatMap((file) =>
    testsOf(file, ({ status, failureMessages = [] }) => {
      return status === "passed" && failureMessages.length > 0;
    }),
  );
  return { passed, failed: failures.length, skipped: skipped.map(({ fullName }) => fullName), failures, retried };
}

/** @param {FileResult} file */
function failuresOf(file) {
  const failures = testsOf(file, ({ status }) => status === "failed");
  // A file that did not load, or whose hooks failed, counts as failed, although it has no failed test.
  if (failures.length === 0 && file.status === "failed") return [`${whereOf(file)}${firstLine(file.message)}`];
  return failures;
}

/**
 * @param {FileResult} file
 * @param {(test: TestResult) => boolean} chosen
 */
function testsOf(file, chosen) {
  return file.assertionResults
    .filter(chosen)
    .map(({ fullName, failureMessages }) => `${whereOf(file)}${fullName}: ${firstLine(failureMessages?.[0])}`);
}

/** @param {FileResult} file */
function whereOf({ name }) {
  return name === undefined ? "" : `${relative(process.cwd(), name)}: `;
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
