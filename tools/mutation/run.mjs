// Runs `npm run test:mutation -- GROUP`: breaks the sources of a group in one place at a time, and runs core's tests
// each time. Without a name, runs all groups, one after the other. A second run repeats only what changed; `--force`
// repeats all.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Stryker } from "@stryker-mutator/core";
import { groups } from "./groups.mjs";

const here = import.meta.dirname;
const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== "--force");
const unknown = names.filter((name) => !Object.hasOwn(groups, name));

if (unknown.length > 0) {
  console.error(`There is no group ${unknown.join(", ")}. The groups are ${Object.keys(groups).join(", ")}.`);
  process.exitCode = 1;
} else {
  process.chdir(join(here, "../../packages/core"));
  for (const name of names.length > 0 ? names : Object.keys(groups)) {
    console.log(`\n=== ${name}`);
    // vitest.config.ts reads this in Stryker's own processes. If the score is too low, Stryker sets the exit code.
    process.env.SLUICE_MUTATION_GROUP = name;
    await new Stryker(optionsOf(name)).runMutationTest();
  }
}

/**
 * @param {string} name  the group's name
 * @returns {ConstructorParameters<typeof Stryker>[0]}
 */
function optionsOf(name) {
  const { mutate = [], atLeast = 100 } = groups[name] ?? {};
  const report = (/** @type {string} */ ending) => join(here, ".cache", `${name}${ending}`);
  return {
    configFile: undefined,
    plugins: [fileURLToPath(import.meta.resolve("@stryker-mutator/vitest-runner"))],
    mutate,
    testRunner: "vitest",
    vitest: { configFile: join(here, "vitest.config.ts"), related: false },
    coverageAnalysis: "perTest",
    // Code that runs only while a module loads is not broken. It is only a few lines, and would take most of the time,
    // since each change would need all tests.
    ignoreStatic: true,
    concurrency: 1,
    thresholds: { high: Math.max(95, atLeast), low: atLeast, break: atLeast },
    incremental: true,
    incrementalFile: report(".incremental.json"),
    force: args.includes("--force"),
    reporters: ["clear-text", "progress-append-only", "html", "json"],
    clearTextReporter: { logTests: false, reportTests: false, allowColor: false, allowEmojis: false },
    htmlReporter: { fileName: report(".html") },
    jsonReporter: { fileName: report(".json") },
    // The folder into which Stryker copies sources and tests. The paths in a tsconfig.json would be wrong there.
    tempDirName: ".cache/mutation",
    ignorePatterns: ["/dist", "tsconfig.json"],
    tsconfigFile: "none",
    // Vitest removes types, so broken code runs even with type errors.
    disableTypeChecks: false,
  };
}
