// Packs and installs the public packages as npm would.
import { mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { ensurePnpm } from "./pnpm.mjs";
import { capture } from "./process.mjs";

/**
 * Packs each public package into a tarball.
 * @param {string} folder for the tarballs; created if missing
 * @returns {string[]} the paths of the tarballs
 */
export function packPackages(folder) {
  ensurePnpm();
  mkdirSync(folder, { recursive: true });
  const packed = capture("pnpm", ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", folder]);
  if (!packed.ok) throw new Error(`pnpm pack failed:\n${packed.stdout}${packed.stderr}`);
  return readdirSync(folder).map((file) => join(folder, file));
}

/**
 * Unpacks tarballs into a folder's `node_modules`, as an install would.
 * @param {readonly string[]} tarballs
 * @param {string} folder
 */
export function installPacked(tarballs, folder) {
  for (const tarball of tarballs) {
    const [match, name] = /^sluice(?:-(.+?))?-\d+\.\d+\.\d+.*\.tgz$/.exec(basename(tarball)) ?? [];
    if (match === undefined) throw new Error(`${tarball} is not named after a package of Sluice`);
    const target = join(folder, "node_modules", name === undefined ? "sluice" : `@sluice/${name}`);
    mkdirSync(target, { recursive: true });
    const unpacked = capture("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
    if (!unpacked.ok) throw new Error(`tar failed:\n${unpacked.stderr}`);
  }
}
