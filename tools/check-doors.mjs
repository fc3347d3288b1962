// Checks that every type that a door's public signatures mention is exported, so that users can name it. A door is an
// entry of a package's `exports`. A type must be exported from that door or from the package's main door. However,
// `./store` must export all of its types itself, and `./kit` relies on `./store`. Reads the built declarations. Run as:
// node tools/check-doors.mjs [--list]
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { root } from "./lib/process.mjs";
import { foldersIn } from "./lib/source-files.mjs";

/**
 * @typedef {import("oxc-parser").Program["body"][number]} Statement
 * @typedef {object} Module
 * @property {Map<string, Statement>} declared  by local name
 * @property {Map<string, { from: string; name: string }>} imported  by local name; `from` is a specifier
 * @property {Map<string, { from: string | undefined; name: string }>} exported  by exported name
 * @property {string[]} everythingOf  specifiers of `export *`
 */

/** An app installs only its adapter and a store, so adapters also export the types that they take from core. */
const adapters = ["express", "koa", "hono"];

/** @type {Map<string, Module>} */
const modules = new Map();
/** @type {string[]} */
const problems = [];
/** @type {string[]} */
const list = [];

for (const folder of foldersIn(root, "packages")) {
  const doors = doorsOf(join(root, "packages", folder));
  for (const [door, types] of doors) {
    const exported = exportsOf(types);
    list.push(`${`@sluice/${folder}${door.slice(1)}`.padEnd(36)} ${exported.size}`);
    const beside = door === "./kit" ? "./store" : ".";
    const main = door === "./store" ? undefined : doors.find(([one]) => one === beside)?.[1];
    const open = new Set([...exported.values(), ...(main === undefined ? [] : exportsOf(main).values())]);
    for (const [name, declaration] of exported) {
      for (const mentioned of mentionedBy(declaration)) {
        if (open.has(mentioned) || !mustBeOpen(mentioned, folder)) continue;
        problems.push(`@sluice/${folder}${door.slice(1)} exports ${name}, which mentions ${nameOf(mentioned)}`);
      }
    }
  }
}

if (process.argv.includes("--list")) console.log(list.join("\n"));
for (const problem of problems) console.error(problem);
console.log(`${list.length} doors: ${problems.length} types are mentioned but not exported`);
process.exitCode = problems.length === 0 && list.length > 0 ? 0 : 1;

/**
 * @param {string} folder
 * @returns {[door: string, types: string][]}
 */
function doorsOf(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return Object.entries(exports).flatMap(([door, target]) => {
    const types = target.default?.types;
    return types === undefined ? [] : [/** @type {[string, string]} */ ([door, join(folder, types)])];
  });
}

/**
 * @param {string} mentioned
 * @param {string} folder
 */
function mustBeOpen(mentioned, folder) {
  const home = relative(join(root, "packages"), mentioned).split("/")[0];
  return home === folder || (adapters.includes(folder) && home === "core");
}

/** @param {string} declaration */
function nameOf(declaration) {
  const [file = "", name] = declaration.split("#");
  return `${name} of ${relative(join(root, "packages"), file)}`;
}

/**
 * Returns the exports of a module, by name, each with the file and name of its declaration.
 * @param {string} file
 * @returns {Map<string, string>}
 */
function exportsOf(file) {
  const { exported, everythingOf } = moduleOf(file);
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const from of everythingOf) {
    const target = resolve(file, from);
    if (target !== undefined) for (const [name, declaration] of exportsOf(target)) found.set(name, declaration);
  }
  for (const name of exported.keys()) {
    const declaration = exportOf(file, name);
    if (declaration !== undefined) found.set(name, declaration);
  }
  return found;
}

/**
 * @param {string} file
 * @param {string} name
 * @returns {string | undefined}
 */
function exportOf(file, name) {
  const { exported, everythingOf } = moduleOf(file);
  const found = exported.get(name);
  if (found !== undefined) {
    if (found.from === undefined) return localOf(file, found.name);
    const target = resolve(file, found.from);
    return target && exportOf(target, found.name);
  }
  for (const from of everythingOf) {
    const target = resolve(file, from);
    const declaration = target && exportOf(target, name);
    if (declaration !== undefined) return declaration;
  }
  return undefined;
}

/**
 * @param {string} file
 * @param {string} name
 */
function localOf(file, name) {
  const { declared, imported } = moduleOf(file);
  if (declared.has(name)) return `${file}#${name}`;
  const found = imported.get(name);
  const target = found && resolve(file, found.from);
  return target && exportOf(target, found.name);
}

/**
 * Returns the declaration file of an import. `undefined` for packages from elsewhere.
 * @param {string} file
 * @param {string} specifier
 */
function resolve(file, specifier) {
  if (specifier.startsWith(".")) return join(dirname(file), specifier).replace(/\.js$/, ".d.ts");
  const [scope, name = "", ...rest] = specifier.split("/");
  const folder = join(root, "packages", name);
  if (scope !== "@sluice" || !existsSync(folder)) return undefined;
  const door = ["."].concat(rest).join("/");
  return doorsOf(folder).find(([own]) => own === door)?.[1];
}

/**
 * Returns this repository's declarations that a declaration mentions.
 * @param {string} declaration
 * @returns {Set<string>}
 */
function mentionedBy(declaration) {
  const [file = "", name = ""] = declaration.split("#");
  const statement = moduleOf(file).declared.get(name);
  /** @type {Set<string>} */
  const names = new Set();
  /** @type {Set<string>} */
  const parameters = new Set();
  /** @type {Set<string>} */
  const found = new Set();
  /** @param {any} node */
  const add = (node) => {
    let first = node;
    while (first?.type === "TSQualifiedName") first = first.left;
    while (first?.type === "MemberExpression") first = first.object;
    if (first?.type === "Identifier") names.add(first.name);
  };
  if (statement !== undefined) {
    new Visitor({
      TSTypeReference: (node) => add(node.typeName),
      TSTypeQuery: (node) => add(node.exprName),
      TSInterfaceHeritage: (node) => add(node.expression),
      TSClassImplements: (node) => add(node.expression),
      ClassDeclaration: (node) => add(node.superClass),
      TSTypeParameter: (node) => {
        parameters.add(node.name.name);
      },
      TSMappedType: (node) => {
        parameters.add(node.key.name);
      },
      TSImportType: (node) => {
        const target = resolve(file, String(node.source.value));
        const qualifier = /** @type {any} */ (node.qualifier);
        const mentioned = target && qualifier?.type === "Identifier" && exportOf(target, qualifier.name);
        if (mentioned) found.add(mentioned);
      },
    }).visit({ type: "Program", sourceType: "module", hashbang: null, body: [statement], start: 0, end: 0 });
  }
  for (const one of names) {
    const mentioned = parameters.has(one) ? undefined : localOf(file, one);
    if (mentioned !== undefined) found.add(mentioned);
  }
  return found;
}

/**
 * @param {string} file
 * @returns {Module}
 */
function moduleOf(file) {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const { program, errors } = parseSync(file, readFileSync(file, "utf8"));
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  /** @type {Module} */
  const module = { declared: new Map(), imported: new Map(), exported: new Map(), everythingOf: [] };
  modules.set(file, module);
  for (const statement of program.body) read(module, statement);
  return module;
}

/**
 * @param {Module} module
 * @param {any} statement
 */
function read({ declared, imported, exported, everythingOf }, statement) {
  /** @type {(node: any, isExported: boolean) => void} */
  const declare = (node, isExported) => {
    const names = node.declarations?.map((/** @type {any} */ one) => one.id.name) ?? [node.id?.name];
    for (const name of names) {
      declared.set(name, node);
      if (isExported) exported.set(name, { from: undefined, name });
    }
  };
  switch (statement.type) {
    case "ImportDeclaration":
      for (const one of statement.specifiers) {
        imported.set(one.local.name, { from: statement.source.value, name: one.imported?.name ?? "default" });
      }
      return;
    case "ExportAllDeclaration":
      everythingOf.push(statement.source.value);
      return;
    case "ExportNamedDeclaration":
      if (statement.declaration) declare(statement.declaration, true);
      for (const one of statement.specifiers) {
        exported.set(one.exported.name, { from: statement.source?.value, name: one.local.name });
      }
      return;
    default:
      if (statement.id || statement.declarations) declare(statement, false);
  }
}
