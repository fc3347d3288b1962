// Runs `npm run demo`: the Express app with its limits in memory, in the foreground until Ctrl-C.
import { ensurePnpm, install } from "./lib/pnpm.mjs";
import { become, run } from "./lib/process.mjs";

ensurePnpm();
if (install() && run("turbo", ["run", "build", "--filter=@sluice/app-express-memory", "--output-logs=errors-only"])) {
  become(process.execPath, ["apps/express-memory/dist/main.js"]);
} else {
  process.exitCode = 1;
}
