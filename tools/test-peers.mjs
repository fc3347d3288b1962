// Runs `npm run test:peers`: the packages' suites on the lowest versions of their peers, and every install line of the
// documentation. Installs and builds what it needs.
import { suites } from "../tests/lowest-peers/suites.mjs";
import { ensurePnpm, install } from "./lib/pnpm.mjs";
import { run } from "./lib/process.mjs";
import { ensureSystemPackages } from "./lib/system-packages.mjs";

process.env.SLUICE_PEERS = "1";
const lowest = ["lowest-peers", ...suites.map((suite) => `lowest-peers-${suite.package}`)];

ensurePnpm();
const isReady = install() && run("turbo", ["run", "build", "--output-logs=errors-only"]);
if (isReady) ensureSystemPackages();
const passed =
  isReady &&
  [
    run("vitest", ["run", ...lowest.flatMap((project) => ["--project", project])]),
    run("vitest", ["run", "--project", "consumers", "test/installs"]),
  ].every((ok) => ok);
process.exitCode = passed ? 0 : 1;
