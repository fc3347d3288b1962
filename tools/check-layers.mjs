// Checks that imports point in one direction and never form a cycle. Run as: node tools/check-layers.mjs [ROOT]
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { findCycles } from "./lib/cycles.mjs";
import { importsOf } from "./lib/imports.mjs";
import { root as ownRoot } from "./lib/process.mjs";
import { filesBelow, foldersIn } from "./lib/source-files.mjs";

const core = "@sluice/core";
/** The doors of core. Each is a separate specifier, since a package that may use one may not use the others. */
const [toStores, toKit, toHttp] = [`${core}/store`, `${core}/kit`, `${core}/http`];

/**
 * @typedef {object} Rule
 * @property {string[]} value  packages and doors of core it may import; `node:` stands for all modules of Node.js
 * @property {"value" | "types"} [peers]  whether it may import its peer dependencies or only their types
 * @property {RegExp} [dynamic]  packages that it may only import by `import()`; also allows computed names
 * @property {Record<string, string>} [apart]  the only file of `src` that may import a package
 */

/**
 * The packages that each public package's sources may import. The first match applies.
 * @type {[name: RegExp, rule: Rule][]}
 */
const packageRules = [
  [/^core$/, { value: [] }],
  // The SDK's commands are classes. The store creates them, and the user's client sends them.
  [/^store-dynamodb$/, { value: [toStores, toKit, "node:"], peers: "value" }],
  // `openSqlite` imports the SQLite library that is available.
  [/^store-sqlite$/, { value: [toStores, toKit, "node:"], peers: "types", dynamic: /^$/ }],
  [/^store-/, { value: [toStores, toKit, "node:"], peers: "types" }],
  // The main module of an adapter needs no other package.
  [
    /^(express|koa|hono)$/,
    { value: [core, toHttp], peers: "value", apart: { "@sluice/protections": "protections.ts" } },
  ],
  // The dynamic imports load the store that a URL names, and its client.
  [/^storage$/, { value: [toStores, toKit], peers: "types", dynamic: /^$/ }],
  [/^protections$/, { value: [core, toHttp, toStores, toKit, "node:"] }],
  // The command line may use everything that it runs.
  [/^sluice$/, { value: [core, "@sluice/storage", "node:", "cli-progress", "commander"] }],
  // The dynamic import loads a store module by its path in other processes.
  [/^testkit$/, { value: [core, toHttp, toStores, toKit, "node:", "fast-check"], dynamic: /^$/ }],
];

/**
 * The parts of core that each part may import. A part is a folder of core's src; `root` is the files outside of these
 * folders.
 */
const coreRules = /** @type {Record<string, string[]>} */ ({
  root: ["root"],
  algorithm: ["root", "algorithm"],
  store: ["root", "algorithm", "store"],
  limiter: ["root", "algorithm", "store", "limiter"],
  http: ["root", "algorithm", "store", "limiter", "http"],
  fetch: ["root", "algorithm", "limiter", "fetch"],
  index: ["root", "algorithm", "store", "limiter", "http"],
});

const root = process.argv[2] ?? ownRoot;
/** @type {string[]} */
const problems = [];
/** @type {Map<string, string[]>} */
const graph = new Map();
let imports = 0;

for (const folder of foldersIn(root, "packages").map((name) => `packages/${name}`)) checkSources(folder);
for (const folder of [...foldersIn(root, "apps").map((name) => `apps/${name}`), "bench", "tools/servers"]) {
  checkSources(folder);
}
for (const cycle of findCycles(graph)) problems.push(`import cycle: ${cycle.join(" → ")}`);

for (const problem of problems) console.error(problem);
console.log(`${graph.size} files with ${imports} imports: ${problems.length} in the wrong direction`);
if (graph.size === 0) console.error(`No sources were found below ${root}`);
process.exitCode = problems.length === 0 && graph.size > 0 ? 0 : 1;

/** @param {string} folder */
function checkSources(folder) {
  const source = `${folder}/src`;
  const files = filesBelow(root, source, ".ts");
  const isPublic = folder.startsWith("packages/");
  const name = posix.basename(folder);
  const rule = packageRules.find(([pattern]) => pattern.test(name))?.[1];
  if (isPublic && files.length > 0 && !rule) problems.push(`${folder}: tools/check-layers.mjs has no rule for it`);
  const peers = peersOf(folder);

  for (const file of files) {
    /** @type {string[]} */
    const targets = [];
    graph.set(file, targets);
    for (const found of importsOf(file, readFileSync(join(root, file), "utf8"))) {
      imports += 1;
      const target = resolveRelative(file, found.specifier);
      if (target) targets.push(target);
      const problem = target
        ? wrongFile(file, target, source)
        : isPublic && rule && (wrongPackage(found, rule, peers) ?? wrongPlace(found, rule, file, source));
      if (problem) problems.push(`${file}:${found.line} imports ${found.specifier ?? "a computed name"}: ${problem}`);
    }
  }
}

/**
 * @param {string} file
 * @param {string | undefined} specifier
 */
function resolveRelative(file, specifier) {
  if (!specifier?.startsWith(".")) return undefined;
  return posix.join(dirname(file), specifier).replace(/\.js$/, ".ts");
}

/**
 * @param {string} file
 * @param {string} target
 * @param {string} source
 */
function wrongFile(file, target, source) {
  if (!target.startsWith(`${source}/`)) return `a file outside of ${source}`;
  if (source !== "packages/core/src") return undefined;
  const from = partOfCore(file);
  const to = partOfCore(target);
  const allowed = coreRules[from];
  if (!allowed) return `tools/check-layers.mjs has no rule for core's folder ${from}/`;
  return allowed.includes(to) ? undefined : `in core, ${from} may import only ${allowed.join(", ")}`;
}

/** @param {string} file */
function partOfCore(file) {
  const [first = "", ...rest] = file.slice("packages/core/src/".length).split("/");
  if (rest.length > 0) return first;
  return first === "index.ts" ? "index" : "root";
}

/**
 * @param {import("./lib/imports.mjs").Import} found
 * @param {Rule} rule
 * @param {string[]} peers
 */
function wrongPackage({ specifier, typeOnly, dynamic }, rule, peers) {
  if (specifier === undefined) return rule.dynamic && dynamic ? undefined : "computed names are not allowed here";
  const name = packageOf(specifier);
  if (rule.value.includes(name === core ? specifier : name)) return undefined;
  if (rule.dynamic?.test(name) && dynamic) return undefined;
  if (rule.peers && peers.includes(name)) {
    return rule.peers === "value" || typeOnly ? undefined : "only its types may be imported";
  }
  const allowed = [...rule.value, ...(rule.peers ? peers : [])];
  return allowed.length > 0 ? `it may import only ${allowed.join(", ")}` : "it may import no other package";
}

/**
 * @param {import("./lib/imports.mjs").Import} found
 * @param {Rule} rule
 * @param {string} file
 * @param {string} source
 */
function wrongPlace({ specifier }, { apart = {} }, file, source) {
  const only = apart[packageOf(specifier ?? "")];
  return only === undefined || file === `${source}/${only}` ? undefined : `only ${source}/${only} may`;
}

/** @param {string} specifier */
function packageOf(specifier) {
  if (specifier.startsWith("node:")) return "node:";
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** @param {string} folder */
function peersOf(folder) {
  const file = join(root, folder, "package.json");
  if (!existsSync(file)) return [];
  return Object.keys(JSON.parse(readFileSync(file, "utf8")).peerDependencies ?? {});
}
