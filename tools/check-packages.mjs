// Checks the manifest of every public package, then packs each and checks the tarball as a user would get it: publint for
// the manifest, "are the types wrong" for what TypeScript resolves. Run as: node tools/check-packages.mjs
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { manifestProblems } from "./lib/manifests.mjs";
import { packPackages } from "./lib/pack.mjs";
import { root, toolEnv } from "./lib/process.mjs";

const folder = mkdtempSync(join(tmpdir(), "sluice-pack-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const wrong = manifestProblems(root);
for (const problem of wrong) console.error(problem);

const queue = packPackages(folder);
const count = queue.length;
/** @type {string[]} */
const failed = [];
await Promise.all(Array.from({ length: availableParallelism() }, work));

console.log(`${count} packages: ${failed.length > 0 ? `wrong: ${failed.sort().join(", ")}` : "all well packed"}`);
process.exitCode = wrong.length + failed.length === 0 && count > 0 ? 0 : 1;

async function work() {
  for (let tarball = queue.shift(); tarball !== undefined; tarball = queue.shift()) {
    const results = [
      await finished("publint", [tarball, "--strict"]),
      await finished("attw", [tarball, "--no-emoji", "--no-color"]),
    ];
    const problems = results.filter(({ ok }) => !ok).map(({ output }) => output);
    if (problems.length === 0) continue;
    failed.push(basename(tarball));
    console.error(`--- ${basename(tarball)}\n${problems.join("\n")}`);
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{ ok: boolean; output: string }>}
 */
function finished(command, args) {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root, env: toolEnv() }, (error, stdout, stderr) => {
      resolve({ ok: error === null, output: `${command} ${args.join(" ")}\n${stdout}${stderr}` });
    });
  });
}
