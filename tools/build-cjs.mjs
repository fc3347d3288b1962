// Run in a package's folder after `tsc`: makes dist/cjs, the CommonJS copy of what the package exports, for tools that
// can't load ES modules by `require`, such as Jest. Files there keep their names, so a stack trace leads to the source.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";

const out = "dist/cjs";
const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.values(exports).flatMap((target) => target.default?.default ?? target.default ?? []);

/** @type {import("esbuild").BuildOptions} */
const common = { format: "cjs", platform: "node", target: "node20", logLevel: "warning" };
const { metafile } = await build({
  ...common,
  entryPoints: entries,
  bundle: true,
  packages: "external",
  write: false,
  metafile: true,
  outdir: out,
  // Each file is asked for it below, where it has a meaning.
  logOverride: { "empty-import-meta": "silent" },
});
const modules = Object.keys(metafile.inputs);
/** @type {Set<string>} */
const written = new Set();
for (const module of modules) await compile(module);
for (const types of typesOf(entries)) {
  write(types, readFileSync(types, "utf8").replace(/^\/\/# sourceMappingURL=.*\n?/m, ""));
}
write("dist/package.json", `${JSON.stringify({ type: "commonjs", sideEffects: false }, undefined, 2)}\n`);
for (const file of readdirSync(out, { recursive: true, encoding: "utf8" })) {
  if (/\.(?:js|ts|json)$/.test(file) && !written.has(file)) rmSync(join(out, file));
}

/**
 * @param {string} module below dist
 */
async function compile(module) {
  // Files that a module loads from its own folder, such as a program for other processes, exist once: as ES modules.
  const original = relative(dirname(join(out, relative("dist", module))), module);
  const url = `require("node:url").pathToFileURL(require("node:path").join(__dirname, ${JSON.stringify(original)})).href`;
  const text = readFileSync(module, "utf8");
  const { outputFiles } = await build({
    ...common,
    entryPoints: [module],
    write: false,
    // Jest has no `import()` in CommonJS.
    supported: { "dynamic-import": false },
    ...(text.includes("import.meta.url")
      ? { define: { "import.meta.url": "importMetaUrl" }, banner: { js: `const importMetaUrl = ${url};` } }
      : {}),
  });
  write(module, outputFiles[0]?.text ?? "");
}

/**
 * The declarations that the entries' types consist of.
 * @param {string[]} from
 */
function typesOf(from) {
  const found = new Set(from.map((entry) => join(entry).replace(/\.js$/, ".d.ts")));
  for (const file of found) {
    for (const [, specifier] of readFileSync(file, "utf8").matchAll(/["'](\.\.?\/[^"'\n]+)\.js["']/g)) {
      const types = join(dirname(file), `${specifier}.d.ts`);
      if (existsSync(types)) found.add(types);
    }
  }
  return found;
}

/**
 * @param {string} file below dist, whose copy this is
 * @param {string} text
 */
function write(file, text) {
  const path = relative("dist", file);
  written.add(path);
  mkdirSync(dirname(join(out, path)), { recursive: true });
  writeFileSync(join(out, path), text);
}
