// Fails when a generated file is out of date: a *.generated.ts file, the index of the decisions or the results of the
// benchmarks. Run as: node tools/check-generated.mjs [ROOT]
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { benchmarkResults } from "./lib/benchmarks.mjs";
import { decisionsIndex } from "./lib/decisions.mjs";
import { generatedFiles } from "./lib/generated.mjs";
import { root as ownRoot } from "./lib/process.mjs";

const root = process.argv[2] ?? ownRoot;
const files = [...generatedFiles(root), ...decisionsIndex(root), ...benchmarkResults(root)];
const stale = files.filter(([file, text]) => {
  const path = join(root, file);
  return (existsSync(path) ? readFileSync(path, "utf8") : undefined) !== text;
});
for (const [file] of stale) console.error(`${file} is out of date: run \`npm run generate\``);
console.log(`${files.length} generated files: ${stale.length} stale`);
process.exitCode = stale.length === 0 ? 0 : 1;
