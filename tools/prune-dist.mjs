// Runs in a package's folder after `tsc`, and removes files from dist that no longer have a source. Deleted or renamed
// files are thus never packed, and dist always exists while other processes read it.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

for (const file of existsSync("dist") ? readdirSync("dist", { recursive: true, encoding: "utf8" }) : []) {
  // build-cjs.mjs takes care of the CommonJS copy.
  if (/^cjs(?:[\\/]|$)/.test(file)) continue;
  const source = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(file)?.[1];
  if (source !== undefined && !existsSync(join("src", `${source}.ts`))) rmSync(join("dist", file));
}
