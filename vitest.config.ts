import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { defineConfig, type Plugin, type TestProjectConfiguration } from "vitest/config";
import { suites } from "./tests/lowest-peers/suites.mjs";

const root = import.meta.dirname;

/** Every folder with a `test` folder is a separate project, named after the folder. */
const folders = ["packages", "apps", "tools", "tests"]
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
  .concat(join(root, "bench"), join(root, "tools"))
  .filter((folder) => existsSync(join(folder, "test")));

/**
 * Projects whose test files share a process one after the other, so that it loads each module once: that halves their time.
 * They start no servers, and leave nothing behind. Threads would save more, but tests measure the CPU time of their process.
 */
const shared = new Set(["core", "express", "hono", "koa", "store-memory", "testkit"]);

/** `npm run test:peers` installs and compiles much, and takes 5 to 10 minutes. */
const withPeers = process.env.SLUICE_PEERS !== undefined;

/** Tests that take minutes: `npm run test:faults` and CI run them. */
const withSlow = process.env.CI !== undefined || process.env.SLUICE_SLOW !== undefined;

const leftOut = [...(withSlow ? [] : ["test/slow/**"]), ...(withPeers ? [] : ["test/installs/**"])];

/** Tests that compare what real servers do with real time. Other tests beside them would make the servers slower. */
const timed = "test/**/*.timed.test.ts";

/** Tests run on the sources of the packages, never on an old build. The other conditions are Vitest's own for Node.js. */
const conditions = ["dev-source", "node", "development|production"];

/** A program that a module starts in another process is beside it in `dist` only: Node.js runs no TypeScript. */
const programsFromDist: Plugin = {
  name: "programs-from-dist",
  enforce: "pre",
  transform(code, id) {
    const [, folder, file] = /^(.*\/packages\/[^/]+)\/src\/(.*)\.ts$/.exec(id) ?? [];
    if (folder === undefined || !code.includes("import.meta.url")) return undefined;
    return code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(`${folder}/dist/${file}.js`).href));
  },
};

/** Imports other versions of packages, by their names in `tests/lowest-peers`. */
const otherVersions = (versions: Readonly<Record<string, string>>): Plugin => ({
  name: "other-versions",
  enforce: "pre",
  resolveId(source) {
    const [, name = "", rest = ""] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(source) ?? [];
    const version = versions[name];
    return version === undefined ? null : this.resolve(version + rest, join(root, "tests/lowest-peers/package.json"));
  },
});

/** Suites of the packages on the lowest versions of their peers. */
const lowestPeers: readonly TestProjectConfiguration[] = suites.map((suite) => ({
  extends: true,
  plugins: [otherVersions(suite.versions)],
  test: {
    name: `lowest-peers-${suite.package}`,
    root: join(root, "packages", suite.package),
    include: suite.files.map((file) => `test/${file}*.ts`),
    globalSetup: globalSetupOf(join(root, "packages", suite.package)),
  },
}));

export default defineConfig({
  plugins: [programsFromDist],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Half of the time is waiting for servers, so no core is left to Vitest itself.
    maxWorkers: availableParallelism(),
    // Tests that start servers wait for them, and a busy machine takes ten times as long for all tests.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Files that tests write and then import, such as a page's example, import sources like the test itself.
    server: { deps: { inline: [/\/node_modules\/\.(?:cache|printed)\//] } },
    // Servers and other processes take their time on a busy machine. `npm test` lists what needed another try.
    retry: process.env.CI === undefined ? 0 : 1,
    projects: [
      ...(withPeers ? lowestPeers : []),
      ...folders.map((folder) => ({
        extends: true as const,
        test: {
          name: basename(folder),
          root: folder,
          include: ["test/**/*.test.ts"],
          exclude: [timed, ...leftOut],
          isolate: !shared.has(basename(folder)),
          // Each test runs a compiler, a bundler or another test runner to its end.
          ...(basename(folder) === "consumers"
            ? { testTimeout: 120_000, hookTimeout: 120_000, maxConcurrency: 2 }
            : {}),
          globalSetup: globalSetupOf(folder),
        },
      })),
      ...folders.filter(hasTimedTests).map((folder) => ({
        extends: true as const,
        test: {
          name: `${basename(folder)}-timed`,
          root: folder,
          include: [timed],
          globalSetup: globalSetupOf(folder),
          // They run one after the other, after all other tests.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      })),
    ],
  },
});

function hasTimedTests(folder: string): boolean {
  return readdirSync(join(folder, "test"), { recursive: true, encoding: "utf8" }).some((file) =>
    file.endsWith(".timed.test.ts"),
  );
}

function globalSetupOf(folder: string): string[] {
  return [join(folder, "test/global-setup.ts")].filter((file) => existsSync(file));
}
