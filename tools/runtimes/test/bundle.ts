import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * Bundles a fixture into one file that every runtime reads. The frameworks stay outside where `external` names them; the
 * file is where they are found.
 */
export async function bundle(fixture: string, external: readonly string[] = []): Promise<string> {
  const outfile = fileURLToPath(new URL(`../node_modules/.cache/${fixture}.mjs`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(new URL(`../fixtures/${fixture}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    external: ["node:*", ...external],
    logLevel: "error",
  });
  return outfile;
}
