import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Of `fixtures`: how a runtime serves. */
export type Host = "node" | "bun" | "deno" | "workerd";

/** Of `fixtures`: what it serves. */
export type Content = "suites" | "wire";

/** Frameworks as they are on disk: Node.js finds them from where the bundle is. */
const ON_DISK = ["express", "express4", "koa", "koa2", "hono", "hono/*", "@hono/*"];

/**
 * Creates one file that a runtime can run directly, since old versions of Node.js run no TypeScript, and returns its path.
 *
 * @param runtime the runtime of the file; several runtimes are tested at the same time
 */
export async function bundle(host: Host, content: Content, runtime: string): Promise<string> {
  const outfile = fileURLToPath(new URL(`../node_modules/.cache/${runtime}-${content}.mjs`, import.meta.url));
  await build({
    stdin: {
      contents: `
        import { adapters, guards, start } from "./${host}.js";
        import { control } from "./${content}.js";
        export default start(control(${content === "suites" ? "adapters, guards" : "adapters"}));`,
      resolveDir: fixture(""),
    },
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    external: ["node:*", ...(host === "node" ? ON_DISK : [])],
    logLevel: "error",
  });
  return outfile;
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}
