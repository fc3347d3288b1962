// Run in a package's folder after `tsc`: writes dist/cjs, a CommonJS copy of the package's exports, for tools that
// can't load ES modules by `require`, such as Jest. The files keep their names, so a stack trace leads to the source.
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
  // Each module is compiled again below, where `import.meta.url` is replaced.
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
  // Some modules load files from their own folder, such as a program for other processes. These files exist only once,
  // as ES modules.
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
 * Returns all declaration files that the entries' types need.
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
 * @param {string} file the original below dist
 * @param {string} text
 */
function write(file, text) {
  const path = relative("dist", file);
  written.add(path);
  mkdirSync(dirname(join(out, path)), { recursive: true });
  writeFileSync(join(out, path), text);
}
