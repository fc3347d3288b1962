// Finds the packages of this repository and of npm that a demo needs.
import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { capture } from "./process.mjs";

/**
 * Returns the pnpm options that select an app, this repository's packages that it uses, and the compiler for them, all
 * without dev dependencies.
 * @param {string} app the app's folder in `apps`
 */
export function demoSelection(app) {
  return ["--prod", "--filter-prod", `{apps/${app}}...`, "--filter-prod", "./tools/demo"];
}

/**
 * Returns the folders of the selected packages. pnpm must be on the PATH.
 * @param {string} app
 * @returns {string[]}
 */
export function demoFolders(app) {
  const listed = capture("pnpm", ["list", "--json", "--depth=-1", ...demoSelection(app)]);
  if (!listed.ok) throw new Error(`pnpm list failed:\n${listed.stdout}${listed.stderr}`);
  /** @type {{ path: string }[]} */
  const projects = JSON.parse(listed.stdout);
  return projects.map(({ path }) => path);
}

/**
 * Links the app's dependencies as peer dependencies of the packages that it uses, as npm does for published packages.
 * In the workspace, packages have their peers as dev dependencies, which a demo does not install.
 * @param {string} app the app's folder
 * @param {readonly string[]} folders the packages' folders
 */
export function linkPeers(app, folders) {
  for (const folder of folders) {
    const { peerDependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    for (const name of Object.keys(peerDependencies)) {
      const installed = join(app, "node_modules", name);
      const link = join(folder, "node_modules", name);
      if (!existsSync(installed) || existsSync(link)) continue;
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(realpathSync(installed), link, "junction");
    }
  }
}
