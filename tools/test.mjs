// Runs `npm test`: installs what is needed, builds, and runs all checks and tests. The last line is "N passed, N
// failed", in which the build and each check count as one.
import { availableParallelism } from "node:os";
import { ensurePnpm, install } from "./lib/pnpm.mjs";
import { captureAsync, run } from "./lib/process.mjs";
import { ensureSystemPackages } from "./lib/system-packages.mjs";
import { runVitest } from "./lib/vitest-run.mjs";

/** @typedef {{ passed: number; failed: number; skipped?: string[]; failures?: string[]; retried?: string[] }} Counts */

const pass = { passed: 1, failed: 0 };
const fail = { passed: 0, failed: 1 };
/** @param {boolean} ok */
const one = (ok) => (ok ? pass : fail);
/** @param {string} name */
const tool = (name) => [process.execPath, `tools/${name}.mjs`];

/**
 * The checks, the longest first. All commands of a check must succeed.
 * @type {readonly [name: string, ...commands: string[][]][]}
 */
const checks = [
  ["site", tool("site")],
  ["packages", tool("check-packages")],
  ["typecheck", ["tsc", "-p", "tsconfig.check.json"], ["tsc", "-p", "tsconfig.tools.json"]],
  ["unused", ["knip", "--no-progress", "--no-config-hints"]],
  ["docs", tool("check-docs")],
  ["english", tool("check-english")],
  ["lint", ["biome", "ci", "."]],
  ["layers", tool("check-layers")],
  ["size", ["size-limit"]],
  ["doors", tool("check-doors")],
  ["generated", tool("check-generated")],
];

const started = performance.now();
/** @type {string[]} */
const summary = [];
/** @type {Required<Counts>} */
const total = { passed: 0, failed: 0, skipped: [], failures: [], retried: [] };

if (step("set-up", setUp) && step("build", () => one(run("turbo", ["run", "build", "--output-logs=new-only"])))) {
  await runChecks();
  step("tests", runVitest);
}

console.log(`\n${summary.join("\n")}\n${seconds(started)} in all`);
for (const name of total.skipped) console.log(`skipped: ${name}`);
for (const name of total.retried) console.log(`passed when run again: ${name}`);
// Last, since the start of a log may be cut off.
for (const failure of total.failures) console.log(`failed: ${failure}`);
const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** @returns {Counts} */
function setUp() {
  ensurePnpm();
  if (!install())
    throw new Error("pnpm install --frozen-lockfile failed: does pnpm-lock.yaml match every package.json?");
  ensureSystemPackages();
  return { passed: 0, failed: 0 };
}

/** Runs all checks, as many at the same time as there are cores. Prints the output of each when it has ended. */
async function runChecks() {
  const queue = [...checks];
  const work = async () => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const [name, ...commands] = check;
      const start = performance.now();
      let ok = true;
      let output = "";
      for (const [command = "", ...args] of commands) {
        const ended = await captureAsync(command, args);
        output += ended.output;
        ok &&= ended.ok;
      }
      console.log(`\n=== ${name}\n${output.trimEnd()}`);
      count(name, one(ok), start);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

/**
 * @param {string} name
 * @param {() => Counts} counted
 * @returns {boolean} true if nothing failed
 */
function step(name, counted) {
  console.log(`\n=== ${name}`);
  const start = performance.now();
  /** @type {Counts} */
  let counts;
  try {
    counts = counted();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    counts = fail;
  }
  return count(name, counts, start);
}

/**
 * @param {string} name
 * @param {Counts} counts
 * @param {number} start
 * @returns {boolean} true if nothing failed
 */
function count(name, counts, start) {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped.push(...(counts.skipped ?? []));
  total.retried.push(...(counts.retried ?? []));
  total.failures.push(...(counts.failures ?? (counts.failed > 0 ? [name] : [])));
  summary.push(`${counts.failed === 0 ? "ok    " : "FAILED"} ${name.padEnd(10)} ${seconds(start)}`);
  return counts.failed === 0;
}

/** @param {number} since */
function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
