// Provides pnpm in the version that package.json pins, even if it is not installed.
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { capture, root, run } from "./process.mjs";

/** Puts the pinned pnpm on this process's PATH, since turbo starts it by name. npx downloads it if necessary. */
export function ensurePnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wanted = packageManager.slice("pnpm@".length);
  if (capture("pnpm", ["--version"]).stdout.trim() === wanted) return;
  const where = "process.env.PATH.split(require('node:path').delimiter)[0]";
  const found = capture("npx", ["--yes", "--package", packageManager, "--", "node", "-p", where]);
  const folder = found.stdout.trim().split("\n").at(-1);
  if (!found.ok || !folder) throw new Error(`npx could not provide ${packageManager}:\n${found.stderr}`);
  process.env.PATH = `${folder}${delimiter}${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
  const got = capture("pnpm", ["--version"]).stdout.trim();
  if (got !== wanted) throw new Error(`npx provided pnpm ${got || "(nothing)"} in ${folder}, wanted ${wanted}`);
}

/** Installs exactly the versions in the lockfile. */
export function install() {
  return run("pnpm", ["install", "--frozen-lockfile"], { CI: "true" });
}
