// Runs `npm run demo -- NAME`: one of the demo apps, in the foreground until Ctrl-C. Without a name, the Express app with
// its limits in memory. Installs and builds what that app needs.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { demoFolders, demoSelection, linkPeers } from "./lib/demo-packages.mjs";
import { demos } from "./lib/demos.mjs";
import { ensurePnpm, install } from "./lib/pnpm.mjs";
import { become, root, run } from "./lib/process.mjs";

const [name = "memory", ...others] = process.argv.slice(2);
const app = demos.get(name);
if (app === undefined || others.length > 0) {
  console.error(`There are the demos ${[...demos.keys()].join(", ")}: npm run demo -- redis`);
  process.exitCode = 1;
} else if (await prepare(app)) {
  const { scripts } = JSON.parse(readFileSync(join(root, "apps", app, "package.json"), "utf8"));
  const [, file = ""] = /^node (\S+)$/.exec(scripts.start) ?? [];
  become(process.execPath, [join("apps", app, file)]);
} else {
  process.exitCode = 1;
}

/**
 * Installs and builds an app. A clone that was installed as a whole stays so.
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
 * Installs what the app runs on. Without asking the registry for the age of all packages in the lockfile, of which the
 * app needs one in ten: that takes longer than everything else. CI asks.
 * @param {string} app
 */
function installDemo(app) {
  return run("pnpm", ["install", "--frozen-lockfile", "--trust-lockfile", ...demoSelection(app)], { CI: "true" });
}
