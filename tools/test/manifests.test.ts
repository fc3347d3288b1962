import { expect, test } from "vitest";
import { manifestProblems } from "../lib/manifests.mjs";
import { folderWith } from "./fixture.js";

const address = {
  homepage: "https://example.com/sluice",
  bugs: "https://example.com/sluice/issues",
  repository: { type: "git", url: "git+https://example.com/sluice.git" },
};
const core = {
  homepage: "https://example.com/sluice/tree/main/packages/core",
  bugs: address.bugs,
  repository: { ...address.repository, directory: "packages/core" },
  description: "Rate limits.",
  keywords: ["rate-limit", "rate-limiter", "throttle"],
  license: "MIT",
  files: ["dist", "CHANGELOG.md"],
  exports: {
    ".": { "dev-source": "./src/index.ts", default: "./dist/index.js" },
    "./package.json": "./package.json",
  },
};
const lowestPeers = {
  devDependencies: { client: "2.1.0", framework4: "npm:framework@4.18.0", framework5: "npm:framework@5.0.0" },
  installedByTests: { compiled: "11.0.0" },
};
const problemsOf = (manifest: object) =>
  manifestProblems(
    folderWith({
      "tests/lowest-peers/package.json": JSON.stringify(lowestPeers),
      "package.json": JSON.stringify(address),
      "packages/core/package.json": JSON.stringify(manifest),
      "packages/core/src/index.ts": "",
    }),
  );

test("accepts a manifest with its sources and the project's address", () => {
  expect(problemsOf(core)).toEqual([]);
});

test.each([
  ["no source", { default: "./dist/index.js" }],
  ["a source that is not the first condition", { default: "./dist/index.js", "dev-source": "./src/index.ts" }],
  ["a missing source", { "dev-source": "./src/other.ts", default: "./dist/other.js" }],
])("reports a door with %s", (_, door) => {
  const problem = 'the first condition of exports["./http"] must be "dev-source", with the path of its source file';
  const exports = { ...core.exports, "./http": door };
  expect(problemsOf({ ...core, exports })).toEqual([`packages/core/package.json: ${problem}`]);
});

test.each(["homepage", "bugs", "repository"])("reports a manifest without %s", (field) => {
  const [problem, ...others] = problemsOf({ ...core, [field]: undefined });
  expect(problem).toMatch(`packages/core/package.json: "${field}" must be `);
  expect(others).toEqual([]);
});

test.each([
  ["description", undefined, '"description" is missing'],
  ["license", "ISC", '"license" must be "MIT"'],
  ["keywords", ["rate-limit", "throttle"], '"keywords" must contain "rate-limiter"'],
  ["files", ["dist"], '"files" must contain "CHANGELOG.md"'],
])("reports a manifest whose page would lack the %s", (field, value, problem) => {
  expect(problemsOf({ ...core, [field]: value })).toEqual([`packages/core/package.json: ${problem}`]);
});

test("accepts peer ranges whose parts start at tested versions", () => {
  const peerDependencies = {
    client: "^2.1.0",
    framework: "^4.18.0 || ^5.0.0",
    compiled: ">=11.0.0 <14.0.0",
    "@sluice/protections": "0.x",
  };
  expect(problemsOf({ ...core, peerDependencies })).toEqual([]);
});

test.each([
  ["another lowest version", { client: "^2.0.0" }, '"^2.0.0" of the peer client'],
  ["a major version without a suite", { framework: "^4.18.0 || ^6.0.0" }, '"^6.0.0" of the peer framework'],
  ["no lowest version", { client: "*" }, '"*" of the peer client'],
])("reports a peer range with %s", (_, peerDependencies, problem) => {
  expect(problemsOf({ ...core, peerDependencies })).toEqual([
    `packages/core/package.json: ${problem} must start at a version in tests/lowest-peers/package.json`,
  ]);
});
