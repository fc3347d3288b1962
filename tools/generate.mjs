// Writes the *.generated.ts files, the index of the decisions, and the results of the benchmarks. Run as: node tools/generate.mjs [ROOT]
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchmarkResults } from "./lib/benchmarks.mjs";
import { decisionsIndex } from "./lib/decisions.mjs";
import { generatedFiles } from "./lib/generated.mjs";
import { root as ownRoot } from "./lib/process.mjs";

const root = process.argv[2] ?? ownRoot;
for (const [file, text] of [...generatedFiles(root), ...decisionsIndex(root), ...benchmarkResults(root)]) {
  if (text === undefined) rmSync(join(root, file), { force: true });
  else writeFileSync(join(root, file), text);
  console.log(`${file}: ${text === undefined ? "nothing to generate" : "written"}`);
}
