// Generates the *.generated.ts files, which contain the texts of Lua and SQL files, so that no files are read at run
// time. Lines with only a comment are left out. Files whose names start with `_` and files in `includes/` are not scripts,
// but parts for these directives:
//
//   --@include "file.lua"      is replaced by that file, at most once per script. `*` includes all files that match
//   --@dispatch NAME SECTION "folder/*.sql" ELSE STATEMENT
//                              is replaced by IF NAME = … THEN … END IF with a branch for each file. A branch compares NAME
//                              with the file's number, from a line such as `--@number 1`. It contains the lines between
//                              `--@section SECTION` and the next section. A file without that section has no branch.
//                              `ELSE STATEMENT` is optional
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { filesBelow } from "./source-files.mjs";

/**
 * The kinds of scripts. `list` names an array of all scripts of a kind, in order.
 * @type {{ sources: string; ending: string; output: string; list?: string }[]}
 */
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
    list: "migrations",
  },
  {
    sources: "packages/store-sqlite/src/migrations",
    ending: ".sql",
    output: "packages/store-sqlite/src/migrations.generated.ts",
  },
];

/**
 * Returns every generated file with its text, which is `undefined` if the file should not exist.
 * @param {string} root
 * @returns {Map<string, string | undefined>}
 */
export function generatedFiles(root) {
  return new Map(
    tables.map(({ sources, ending, output, list }) => {
      const scripts = filesBelow(root, sources, ending).filter((file) => !isInclude(file, sources));
      return [output, scripts.length > 0 ? moduleOf(root, sources, ending, scripts, list) : undefined];
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
 * @param {string | undefined} list
 */
function moduleOf(root, sources, ending, scripts, list) {
  const consts = scripts.map((file) => {
    const name = camelCase(basename(file, ending));
    const text = withoutComments(expand(root, file, new Set()));
    const sha1 = createHash("sha1").update(text).digest("hex");
    const start = list === undefined ? `export const ${name}: Script =` : `const ${name}: Script =`;
    return `${start} {\n  name: "${name}",\n  sha1: "${sha1}",\n  text: \`${escapeTemplate(text)}\`,\n};\n`;
  });
  const head = `// Written by \`npm run generate\` from ${sources}/*${ending}: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}
`;
  const names = scripts.map((file) => camelCase(basename(file, ending)));
  const all = list === undefined ? [] : [`export const ${list}: readonly Script[] = [${names.join(", ")}];\n`];
  return [head, ...consts, ...all].join("\n");
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
      const directive = /^\s*--\s*@(include|dispatch)\b/.exec(line)?.[1];
      const where = `${file}:${i + 1}`;
      if (directive === "dispatch") return dispatched(root, file, line, where);
      if (directive === undefined) return line;
      const name = /^\s*--\s*@include\s+"([^"]+)"\s*$/.exec(line)?.[1];
      if (!name) throw new Error(`${where}: write it as --@include "file.lua"`);
      return matching(root, posix.join(dirname(file), name), where).flatMap((target) => {
        if (included.has(target)) return [];
        included.add(target);
        return expand(root, target, included);
      });
    })
    .join("\n");
}

/**
 * Returns the files that match a name, in which `*` may stand for anything.
 * @param {string} root
 * @param {string} pattern
 * @param {string} where
 */
function matching(root, pattern, where) {
  const [start = "", end] = basename(pattern).split("*");
  const folder = dirname(pattern);
  const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)).sort() : [];
  const found = names.filter((name) =>
    end === undefined ? name === start : name.startsWith(start) && name.endsWith(end),
  );
  if (found.length === 0) throw new Error(`${where}: ${pattern} does not exist`);
  return found.map((name) => posix.join(folder, name));
}

/**
 * Returns the branches of a `--@dispatch` line, in the order of their numbers.
 * @param {string} root
 * @param {string} file
 * @param {string} line
 * @param {string} where
 */
function dispatched(root, file, line, where) {
  const [, indent = "", name, section, pattern, otherwise] =
    /^(\s*)--\s*@dispatch\s+(\w+)\s+(\w+)\s+"([^"]+)"(?:\s+ELSE\s+(.+))?\s*$/.exec(line) ?? [];
  if (pattern === undefined) throw new Error(`${where}: write it as --@dispatch name section "folder/*.sql"`);
  const pieces = matching(root, posix.join(dirname(file), pattern), where)
    .map((piece) => pieceOf(root, piece))
    .sort((one, other) => one.number - other.number);
  const repeated = pieces.find(({ number }, i) => number === pieces[i - 1]?.number);
  if (repeated) throw new Error(`${where}: two files have the number ${repeated.number}`);
  const branches = pieces.flatMap(({ number, sections }) => {
    const lines = sections.get(section ?? "");
    return lines === undefined ? [] : [{ number, lines }];
  });
  if (branches.length === 0) throw new Error(`${where}: no file has a section ${section}`);
  return [
    ...branches.flatMap(({ number, lines }, i) => [
      `${indent}${i === 0 ? "IF" : "ELSIF"} ${name} = ${number} THEN`,
      ...lines.map((inner) => (inner === "" ? "" : `${indent}  ${inner}`)),
    ]),
    ...(otherwise === undefined ? [] : [`${indent}ELSE`, `${indent}  ${otherwise}`]),
    `${indent}END IF;`,
  ];
}

/**
 * Returns the number of a file, and its sections.
 * @param {string} root
 * @param {string} file
 */
function pieceOf(root, file) {
  const text = readFileSync(join(root, file), "utf8").replaceAll("\r\n", "\n");
  const number = Number(/^--@number (\d+)$/m.exec(text)?.[1]);
  if (!Number.isSafeInteger(number)) throw new Error(`${file}: needs a line such as --@number 1`);
  const [, ...parts] = text.split(/^--@section /m);
  const sections = new Map(
    parts.map((part) => {
      const [name = "", ...lines] = part.trimEnd().split("\n");
      return [name.trim(), lines];
    }),
  );
  return { number, sections };
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
