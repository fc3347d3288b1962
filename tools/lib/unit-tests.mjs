// Finds the tests that take little time and need no servers, Java or other runtimes.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { importsOf } from "./imports.mjs";
import { filesBelow, foldersIn } from "./source-files.mjs";

/** All stores except the one in memory use a database. */
const ownsDatabase = /^store-(?!memory$)/;
const starters = ["@sluice/servers"];
/** Files that take most of the time: tens of thousands of random inputs, whole suites, or other processes. */
const long =
  /\/(?:(?:[\w-]+-)?(?:fuzz|mutations|processes|sequences)|check-\w+|flood|laws|model|node-test|write-a-store)\.test\.ts$/;

/**
 * Returns the test files of the packages and tools that start no server, without the long ones. A file starts servers
 * if it or one of its relative imports imports `@sluice/servers`.
 * @param {string} root
 * @returns {string[]} paths from the root
 */
export function unitTestFiles(root) {
  const folders = foldersIn(root, "packages")
    .filter((name) => !ownsDatabase.test(name))
    .map((name) => `packages/${name}/test`);
  return [...folders, "tools/test"]
    .flatMap((folder) => filesBelow(root, folder, ".test.ts"))
    .filter((file) => !long.test(file) && !startsServers(root, file, new Set()));
}

/**
 * @param {string} root
 * @param {string} file
 * @param {Set<string>} seen
 * @returns {boolean}
 */
function startsServers(root, file, seen) {
  if (seen.has(file)) return false;
  seen.add(file);
  return importsOf(file, readFileSync(join(root, file), "utf8")).some(({ specifier, typeOnly }) => {
    if (specifier === undefined || typeOnly) return false;
    if (starters.includes(specifier)) return true;
    if (!specifier.startsWith(".")) return false;
    const target = posix.join(dirname(file), specifier);
    const source = target.replace(/\.js$/, ".ts");
    return /\.(?:ts|mjs)$/.test(source) && existsSync(join(root, source)) && startsServers(root, source, seen);
  });
}
