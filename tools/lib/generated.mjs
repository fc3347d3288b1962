// What the committed *.generated.ts files should hold: the texts of real Lua and SQL files, so that nothing reads files at run
// time. A line `--@include "file.lua"` is replaced by that file, once a script; files that start with `_` or lie in
// `includes/` are there to be included and are no scripts themselves. Lines that are only a comment are left out.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { filesBelow } from "./source-files.mjs";

/** @type {{ sources: string; ending: string; output: string }[]} */
const tables = [
  {
    sources: "packages/store-redis/src/scripts",
    ending: ".lua",
    output: "packages/store-redis/src/scripts.generated.ts",
  },
  {
    sources: "packages/store-postgres/src/migrations",
    ending: ".sql",
    output: "packages/store-postgres/src/migrations.generated.ts",
  },
  {
    sources: "packages/store-sqlite/src/migrations",
    ending: ".sql",
    output: "packages/store-sqlite/src/migrations.generated.ts",
  },
];

/**
 * Every generated file with its text; undefined for one that should not exist.
 * @param {string} root
 * @returns {Map<string, string | undefined>}
 */
export function generatedFiles(root) {
  return new Map(
    tables.map(({ sources, ending, output }) => {
      const scripts = filesBelow(root, sources, ending).filter((file) => !isInclude(file, sources));
      return [output, scripts.length > 0 ? moduleOf(root, sources, ending, scripts) : undefined];
    }),
  );
}

/**
 * @param {string} file
 * @param {string} sources
 */
function isInclude(file, sources) {
  return basename(file).startsWith("_") || file.startsWith(`${sources}/includes/`);
}

/**
 * @param {string} root
 * @param {string} sources
 * @param {string} ending
 * @param {string[]} scripts
 */
function moduleOf(root, sources, ending, scripts) {
  const consts = scripts.map((file) => {
    const name = camelCase(basename(file, ending));
    const text = withoutComments(expand(root, file, new Set()));
    const sha1 = createHash("sha1").update(text).digest("hex");
    return `export const ${name}: Script = {\n  name: "${name}",\n  sha1: "${sha1}",\n  text: \`${escapeTemplate(text)}\`,\n};\n`;
  });
  const head = `// Written by \`npm run generate\` from ${sources}/*${ending}: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}
`;
  return [head, ...consts].join("\n");
}

/**
 * @param {string} root
 * @param {string} file
 * @param {Set<string>} included
 * @returns {string}
 */
function expand(root, file, included) {
  const lines = readFileSync(join(root, file), "utf8").replaceAll("\r\n", "\n").split("\n");
  return lines
    .flatMap((line, i) => {
      if (!/^\s*--\s*@include\b/.test(line)) return line;
      const name = /^\s*--\s*@include\s+"([^"]+)"\s*$/.exec(line)?.[1];
      if (!name) throw new Error(`${file}:${i + 1}: write it as --@include "file.lua"`);
      const target = posix.join(dirname(file), name);
      if (!existsSync(join(root, target))) throw new Error(`${file}:${i + 1}: ${target} does not exist`);
      if (included.has(target)) return [];
      included.add(target);
      return expand(root, target, included);
    })
    .join("\n");
}

/** @param {string} text */
function withoutComments(text) {
  const kept = text.split("\n").filter((line) => !/^\s*--(?!\[=*\[)/.test(line));
  return `${kept
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim()}\n`;
}

/** @param {string} text */
function escapeTemplate(text) {
  return text.replace(/[\\`]|\$(?=\{)/g, "\\$&");
}

/** @param {string} name */
function camelCase(name) {
  return name.replace(/[-_]+(.)/g, (_, letter) => letter.toUpperCase());
}
