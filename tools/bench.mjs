// Runs `pnpm bench memory|redis|postgres|sqlite|dynamodb|http [--json FILE]`.
import { ensurePnpm, install } from "./lib/pnpm.mjs";
import { become, run } from "./lib/process.mjs";

ensurePnpm();
if (install() && run("turbo", ["run", "build", "--filter=@sluice/bench", "--output-logs=errors-only"])) {
  become(process.execPath, ["bench/dist/main.js", ...process.argv.slice(2)]);
} else {
  process.exitCode = 1;
}
