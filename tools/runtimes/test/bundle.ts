import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The file in `fixtures` that serves in a runtime. */
export type Host = "node" | "bun" | "deno" | "workerd";

/** The file in `fixtures` that defines what is served. */
export type Content = "suites" | "wire";

/** Frameworks that are not bundled. Node.js finds them from the bundle's folder. */
const ON_DISK = ["express", "express4", "koa", "koa2", "hono", "hono/*", "@hono/*"];

/**
 * Creates one file that a runtime can run directly, since old versions of Node.js can't run TypeScript. Returns its
 * path.
 *
 * @param runtime a name for the file, since several runtimes are tested at the same time
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
