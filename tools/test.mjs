// What `npm test` runs: installs what is needed, builds, makes every check, and runs all tests. It ends with the line
// "N passed, N failed", in which the build and each check count as one.
import { ensurePnpm, install } from "./lib/pnpm.mjs";
import { run } from "./lib/process.mjs";
import { ensureSystemPackages } from "./lib/system-packages.mjs";
import { runVitest } from "./lib/vitest-run.mjs";

/** @typedef {{ passed: number; failed: number; skipped?: string[]; failures?: string[] }} Counts */

const pass = { passed: 1, failed: 0 };
const fail = { passed: 0, failed: 1 };
/** @param {boolean} ok */
const one = (ok) => (ok ? pass : fail);
/** @param {string} name */
const tool = (name) => one(run(process.execPath, [`tools/${name}.mjs`]));

const started = performance.now();
/** @type {string[]} */
const summary = [];
const total = { passed: 0, failed: 0, skipped: /** @type {string[]} */ ([]), failures: /** @type {string[]} */ ([]) };

if (step("set-up", setUp) && step("build", () => one(run("turbo", ["run", "build", "--output-logs=new-only"])))) {
  step("lint", () => one(run("biome", ["ci", "."])));
  step("typecheck", () => one(run("tsc", ["-p", "tsconfig.check.json"]) && run("tsc", ["-p", "tsconfig.tools.json"])));
  step("layers", () => tool("check-layers"));
  step("doors", () => tool("check-doors"));
  step("generated", () => tool("check-generated"));
  step("docs", () => tool("check-docs"));
  step("unused", () => one(run("knip", ["--no-progress", "--no-config-hints"])));
  step("packages", () => tool("check-packages"));
  step("size", () => one(run("size-limit", [])));
  step("tests", runVitest);
}

console.log(`\n${summary.join("\n")}\n${seconds(started)} in all`);
for (const name of total.skipped) console.log(`skipped: ${name}`);
// Last, since a log may be cut at its start.
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

/**
 * @param {string} name
 * @param {() => Counts} counted
 * @returns {boolean} whether nothing failed
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
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped.push(...(counts.skipped ?? []));
  total.failures.push(...(counts.failures ?? (counts.failed > 0 ? [name] : [])));
  summary.push(`${counts.failed === 0 ? "ok    " : "FAILED"} ${name.padEnd(10)} ${seconds(start)}`);
  return counts.failed === 0;
}

/** @param {number} since */
function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
