// Runs `npm run test:mutation -- GROUP`: breaks the sources of a group one piece at a time, and runs core's tests on
// each. Without a group, all groups, one after the other. A second run repeats only what changed; `--force` repeats all.
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
    // For vitest.config.ts, which Stryker's own processes load. Below the lowest score, Stryker sets the exit code.
    process.env.SLUICE_MUTATION_GROUP = name;
    await new Stryker(optionsOf(name)).runMutationTest();
  }
}

/**
 * @param {string} name  of a group
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
    // Code that runs only while a module loads would need all tests for each mutant, and most of the time. It is few lines.
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
    // Stryker copies sources and tests there. The paths in a tsconfig.json would be wrong in the copy.
    tempDirName: ".cache/mutation",
    ignorePatterns: ["/dist", "tsconfig.json"],
    tsconfigFile: "none",
    // Vitest strips types, so errors of types keep no broken code from running.
    disableTypeChecks: false,
  };
}
