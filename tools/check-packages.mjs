// Checks the manifest of every public package, then packs each and checks the tarball as a user would get it, with
// publint and "are the types wrong". Also checks the installed sizes. Run as: node tools/check-packages.mjs
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { problemKindInfo } from "@arethetypeswrong/core/problems";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { installSizes, sizeProblems } from "./lib/install-size.mjs";
import { manifestProblems } from "./lib/manifests.mjs";
import { packPackages } from "./lib/pack.mjs";
import { root } from "./lib/process.mjs";
import { readmeProblems } from "./lib/readme-links.mjs";

const folder = mkdtempSync(join(tmpdir(), "sluice-pack-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const tarballs = packPackages(folder);
const sizeLimits = JSON.parse(readFileSync(join(root, ".install-size.json"), "utf8"));
const wrong = [
  ...manifestProblems(root),
  ...readmeProblems(root),
  ...sizeProblems(installSizes(root, tarballs), sizeLimits),
];
for (const problem of wrong) console.error(problem);

/** @type {string[]} */
const failed = [];
// All in one process, since the compilers of "are the types wrong" take most of their time to start.
for (const tarball of tarballs) {
  const problems = await problemsOf(new Uint8Array(readFileSync(tarball)));
  if (problems.length === 0) continue;
  failed.push(basename(tarball));
  console.error(`--- ${basename(tarball)}\n${problems.join("\n")}`);
}

console.log(`${tarballs.length} packages: ${failed.length > 0 ? `wrong: ${failed.join(", ")}` : "all well packed"}`);
process.exitCode = wrong.length + failed.length === 0 && tarballs.length > 0 ? 0 : 1;

/**
 * @param {Uint8Array<ArrayBuffer>} tarball
 * @returns {Promise<string[]>}
 */
async function problemsOf(tarball) {
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: tarball.buffer } });
  const errors = messages.filter(({ type }) => type === "error");
  const analysis = await checkPackage(createPackageFromTarballData(tarball));
  return [
    ...errors.map((message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`),
    ...(analysis.types ? analysis.problems : []).map(
      (problem) => `attw: ${problemKindInfo[problem.kind].title}: ${JSON.stringify(problem)}`,
    ),
  ];
}
