// Runs `npm run test:unit`: the tests that need no servers. Other arguments go to Vitest, such as `--watch` or a part
// of a file's path.
import { join } from "node:path";
import { ensurePnpm } from "./lib/pnpm.mjs";
import { become, root, run } from "./lib/process.mjs";
import { unitTestFiles } from "./lib/unit-tests.mjs";

const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith("-"));
const wanted = args.filter((arg) => !arg.startsWith("-"));
const files = unitTestFiles(root).filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));

ensurePnpm();
// Some tests start a built program in another process.
if (files.length === 0) {
  console.error(`No unit test has ${wanted.join(" or ")} in its path.`);
  process.exitCode = 1;
} else if (run("turbo", ["run", "build", "--filter=./packages/*", "--output-logs=errors-only"])) {
  become("vitest", [
    options.includes("--watch") ? "watch" : "run",
    ...options,
    ...files.map((file) => join(root, file)),
  ]);
} else {
  process.exitCode = 1;
}
