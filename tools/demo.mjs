// Runs `npm run demo -- NAME`, a demo app in the foreground until Ctrl-C. Without a name, runs the Express app with
// limits in memory. Installs and builds what the app needs.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { demoFolders, demoSelection, linkPeers } from "./lib/demo-packages.mjs";
import { demos } from "./lib/demos.mjs";
import { ensurePnpm, install } from "./lib/pnpm.mjs";
import { become, root, run } from "./lib/process.mjs";

const [name = "memory", ...others] = process.argv.slice(2);
const app = demos.get(name);
if (app === undefined || others.length > 0) {
  console.error(`The demos are ${[...demos.keys()].join(", ")}. Run one with: npm run demo -- redis`);
  process.exitCode = 1;
} else if (await prepare(app)) {
  const { scripts } = JSON.parse(readFileSync(join(root, "apps", app, "package.json"), "utf8"));
  const [, file = ""] = /^node (\S+)$/.exec(scripts.start) ?? [];
  become(process.execPath, [join("apps", app, file)]);
} else {
  process.exitCode = 1;
}

/**
 * Installs and builds an app. If the whole repository is installed, it stays installed.
 * @param {string} app
 */
async function prepare(app) {
  ensurePnpm();
  if (existsSync(join(root, "tools/runtimes/node_modules"))) {
    return install() && run("turbo", ["run", "build", `--filter=./apps/${app}`, "--output-logs=errors-only"]);
  }
  if (!installDemo(app)) return false;
  const folders = demoFolders(app);
  linkPeers(join(root, "apps", app), folders);
  const { compile } = await import("./demo/compile.mjs");
  return compile(folders);
}

/**
 * Installs the packages that the app needs. Does not check the age of all packages in the lockfile, of which the app
 * needs one in ten, since that takes longer than everything else. CI checks it.
 * @param {string} app
 */
function installDemo(app) {
  return run("pnpm", ["install", "--frozen-lockfile", "--trust-lockfile", ...demoSelection(app)], { CI: "true" });
}
