// Type-checks every TypeScript and JavaScript block of the documentation against the built packages.
// Run as: node tools/check-docs.mjs [ROOT]
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeBlocksOf } from "./lib/code-blocks.mjs";
import { capture, root as ownRoot } from "./lib/process.mjs";
import { filesBelow, foldersIn } from "./lib/source-files.mjs";

const languages = new Map([
  ["ts", ".ts"],
  ["typescript", ".ts"],
  ["mts", ".ts"],
  ["js", ".ts"],
  ["javascript", ".ts"],
  ["mjs", ".ts"],
  ["tsx", ".tsx"],
  ["jsx", ".tsx"],
]);

const root = process.argv[2] ?? ownRoot;
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...filesBelow(root, "docs", ".md"),
  ...["packages", "apps", "tools"].flatMap((parent) =>
    foldersIn(root, parent).map((name) => `${parent}/${name}/README.md`),
  ),
  "bench/README.md",
].filter((page) => existsSync(join(root, page)));

// Inside the workspace, so that blocks can import what a reader would have installed.
const parent = join(ownRoot, ".docs-check");
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, "run-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

// The frameworks that pages show are installed only for tests/frameworks.
symlinkSync(join(ownRoot, "tests/frameworks/node_modules"), join(folder, "node_modules"), "junction");

const read = pages.map((page) => ({
  page,
  stem: page.replaceAll("/", "__"),
  blocks: codeBlocksOf(readFileSync(join(root, page), "utf8")).flatMap(blocksOf),
}));

// A block that begins with a file name, such as `// store.ts`, can be imported by other blocks. If several pages have a
// file of that name, each page imports its own.
const namedAnywhere = new Map(read.flatMap(({ stem, blocks }) => namedIn(stem, blocks)));

/**
 * The page and line from which each line of each module comes.
 * @type {Map<string, { page: string; lines: number[] }>}
 */
const origins = new Map();
for (const { page, stem, blocks } of read) {
  const named = new Map([...namedAnywhere, ...namedIn(stem, blocks)]);
  for (const { line, language, meta, code, declared } of blocks) {
    const extension = languages.get(language);
    // Code marked "before" shows another library, which is not installed here.
    if (!extension || meta === "before") continue;
    const file = `${stem}.${line}${extension}`;
    const lines = code
      .replace(/"\.{1,2}\/(?:[\w.-]+\/)*?([\w.-]+?)(?:\.[jt]s)?"/g, (specifier, name) => named.get(name) ?? specifier)
      .split("\n");
    writeFileSync(join(folder, file), [...declared.map(({ text }) => text), ...lines, "export {};\n"].join("\n"));
    origins.set(file, { page, lines: [...declared.map((one) => one.line), ...lines.map((_, i) => line + i)] });
  }
}

const tsconfig = {
  extends: "../../tsconfig.test.base.json",
  // Readers compile against the published declarations, not against the sources.
  compilerOptions: { customConditions: [], noUnusedLocals: false, noUnusedParameters: false, jsx: "preserve" },
  include: ["."],
};
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));

const { ok, stdout, stderr } =
  origins.size > 0
    ? capture("tsc", ["-p", folder, "--pretty", "false"], { cwd: folder })
    : { ok: true, stdout: "", stderr: "" };
for (const message of stdout.split("\n").filter(Boolean)) {
  const {
    file = "",
    line = "",
    rest = "",
  } = /^(?<file>[^(\s]+)\((?<line>\d+),\d+\): (?<rest>.*)$/.exec(message)?.groups ?? {};
  const origin = origins.get(file);
  console.error(origin ? `${origin.page}:${origin.lines[Number(line) - 1] ?? origin.lines.at(-1)}: ${rest}` : message);
}
if (stderr) console.error(stderr);
console.log(`${origins.size} code blocks on ${pages.length} pages: ${ok ? "all compile" : "not all compile"}`);
process.exitCode = ok ? 0 : 1;

/**
 * Returns a block, preceded by the file that it declares if its `<!-- docs:` comment begins with a file name.
 * @param {import("./lib/code-blocks.mjs").CodeBlock} block
 */
function blocksOf(block) {
  const lines = block.declared.filter(({ text }) => text.trim() !== "");
  const code = lines.map(({ text }) => text).join("\n");
  if (nameOf(code) === undefined) return [block];
  const file = { line: lines[0]?.line ?? block.line, language: "ts", meta: "", code, declared: [] };
  return [file, { ...block, declared: [] }];
}

/**
 * Returns the names of the files on a page, each with its module.
 * @param {string} stem
 * @param {readonly import("./lib/code-blocks.mjs").CodeBlock[]} blocks
 * @returns {[name: string, specifier: string][]}
 */
function namedIn(stem, blocks) {
  return blocks.flatMap(({ line, code }) => {
    const name = nameOf(code);
    return name === undefined ? [] : [[name, `"./${stem}.${line}.js"`]];
  });
}

/** @param {string} code */
function nameOf(code) {
  return /^\/\/ ([\w.-]+)\.[jt]s\n/.exec(code)?.[1];
}
