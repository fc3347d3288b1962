// Packs every public package and checks the tarball as a user would get it: publint for the manifest, "are the types
// wrong" for what TypeScript resolves. Run as: node tools/check-packages.mjs
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePnpm } from "./lib/pnpm.mjs";
import { root, toolEnv } from "./lib/process.mjs";
import { foldersIn } from "./lib/source-files.mjs";

ensurePnpm();
const tarballs = mkdtempSync(join(tmpdir(), "sluice-pack-"));
process.on("exit", () => rmSync(tarballs, { recursive: true, force: true }));

const queue = foldersIn(root, "packages").filter((name) => !manifestOf(name).private);
const count = queue.length;
/** @type {string[]} */
const failed = [];
await Promise.all(Array.from({ length: availableParallelism() }, work));

console.log(`${count} packages: ${failed.length > 0 ? `wrong: ${failed.sort().join(", ")}` : "all well packed"}`);
process.exitCode = failed.length === 0 && count > 0 ? 0 : 1;

async function work() {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const problem = await check(name);
    if (problem === undefined) continue;
    failed.push(name);
    console.error(`--- ${name}\n${problem}`);
  }
}

/** @param {string} name */
async function check(name) {
  const folder = join(root, "packages", name);
  const destination = mkdtempSync(join(tarballs, `${name}-`));
  const packed = await finished("pnpm", ["pack", "--pack-destination", destination], folder);
  if (!packed.ok) return packed.output;
  const tarball = join(destination, readdirSync(destination)[0] ?? "");
  const results = [
    await finished("publint", [tarball, "--strict"], folder),
    await finished("attw", [tarball, "--no-emoji", "--no-color"], folder),
  ];
  const problems = results.filter(({ ok }) => !ok).map(({ output }) => output);
  return problems.length > 0 ? problems.join("\n") : undefined;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @returns {Promise<{ ok: boolean; output: string }>}
 */
function finished(command, args, cwd) {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env: toolEnv() }, (error, stdout, stderr) => {
      resolve({ ok: error === null, output: `${command} ${args.join(" ")}\n${stdout}${stderr}` });
    });
  });
}

/** @param {string} name */
function manifestOf(name) {
  return JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
}
