// Run in a package's folder after `tsc`: removes from dist what no longer has a source, so that a file that was deleted
// or renamed is never packed, and dist is never absent while something reads it.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

for (const file of existsSync("dist") ? readdirSync("dist", { recursive: true, encoding: "utf8" }) : []) {
  // The CommonJS copy is the business of build-cjs.mjs.
  if (/^cjs(?:[\\/]|$)/.test(file)) continue;
  const source = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(file)?.[1];
  if (source !== undefined && !existsSync(join("src", `${source}.ts`))) rmSync(join("dist", file));
}
