import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { installSizes, sizeProblems } from "../lib/install-size.mjs";
import { folderWith } from "./fixture.js";

/** Creates a repository with two packed packages. Returns their tarballs too. */
function packed(): { root: string; tarballs: string[] } {
  const app = JSON.stringify({ name: "app", dependencies: { core: "1.0.0", tool: "2.0.0" } });
  const core = JSON.stringify({ name: "core", dependencies: {} });
  const root = folderWith({
    "packages/app/package.json": app,
    "packages/core/package.json": core,
    "packages/app/node_modules/tool/package.json": JSON.stringify({ dependencies: { core: "1.0.0", part: "1.0.0" } }),
    "packages/app/node_modules/tool/lib/tool.js": "t".repeat(10_000),
    "node_modules/part/package.json": "{}",
    "node_modules/part/part.js": "p".repeat(5_000),
    "node_modules/peer/peer.js": "p".repeat(90_000),
    "app/package/package.json": app,
    "app/package/dist/index.js": "a".repeat(2_000),
    "core/package/package.json": core,
    "core/package/dist/index.js": "c".repeat(30_000),
  });
  const tarballs = ["app", "core"].map((name) => {
    const tarball = join(root, `${name}.tgz`);
    execFileSync("tar", ["-czf", tarball, "-C", join(root, name), "package/package.json", "package/dist/index.js"]);
    return tarball;
  });
  return { root, tarballs };
}

test("counts each dependency once, wherever it is installed, but no peers", () => {
  const { root, tarballs } = packed();
  expect(installSizes(root, tarballs)).toEqual({
    app: { unpackedKb: 3, installedKb: 48 },
    core: { unpackedKb: 31, installedKb: 31 },
  });
});

test("accepts sizes up to their limits", () => {
  const limits = { core: { unpackedKb: 31, installedKb: 40 } };
  expect(sizeProblems({ core: { unpackedKb: 31, installedKb: 31 } }, limits)).toEqual([]);
});

test.each([
  [{ core: { unpackedKb: 32, installedKb: 32 } }, ["core: unpackedKb is 32, must be at most 31"]],
  [{ core: { unpackedKb: 31, installedKb: 41 } }, ["core: installedKb is 41, must be at most 40"]],
  [
    { other: { unpackedKb: 1, installedKb: 2 } },
    ['other has no limit: {"unpackedKb":1,"installedKb":2}', "core has a limit but is not a package"],
  ],
])("reports %j", (sizes, problems) => {
  const limits = { core: { unpackedKb: 31, installedKb: 40 } };
  expect(sizeProblems(sizes, limits)).toEqual(problems);
});
