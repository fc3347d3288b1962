// Compiles packages for a demo to the modules that Node.js runs. It does not check types or write declarations, since
// that would need the TypeScript compiler and the types of every dependency. `npm run build` writes all of `dist`.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/**
 * @param {readonly string[]} folders the folders of the packages; those without sources are skipped
 * @returns {Promise<boolean>} whether all of them compiled; errors are printed
 */
export async function compile(folders) {
  const builds = folders
    .filter((folder) => existsSync(join(folder, "src")))
    .map((folder) =>
      build({
        absWorkingDir: folder,
        entryPoints: ["src/**/*.ts"],
        outbase: "src",
        outdir: "dist",
        format: "esm",
        platform: "node",
        target: "node20",
        sourcemap: true,
        logLevel: "warning",
      }),
    );
  const results = await Promise.allSettled(builds);
  return results.every(({ status }) => status === "fulfilled");
}
