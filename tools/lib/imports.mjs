// Finds the imports of a TypeScript file.
import { parseSync, Visitor } from "oxc-parser";

/**
 * @typedef {object} Import
 * @property {string | undefined} specifier  undefined if it is computed, as in `import(name)`
 * @property {number} line
 * @property {boolean} typeOnly  removed by the compiler
 * @property {boolean} dynamic
 */

/**
 * Returns every import of a source text: declarations, re-exports, `import()`, types by `import("…")` and reference
 * comments.
 * @param {string} file
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(file, text) {
  const { program, comments, errors } = parseSync(file, text);
  const [error] = errors;
  if (error) throw new Error(`${file}: ${error.message}`);
  /** @type {Import[]} */
  const found = [];
  /** @type {(node: { start: number }, specifier: unknown, kind?: { typeOnly?: boolean; dynamic?: boolean }) => void} */
  const add = ({ start }, specifier, { typeOnly = false, dynamic = false } = {}) => {
    const line = text.slice(0, start).split("\n").length;
    found.push({ specifier: typeof specifier === "string" ? specifier : undefined, line, typeOnly, dynamic });
  };
  /** @type {(kind: string | null | undefined, specifiers: { importKind?: string; exportKind?: string }[]) => boolean} */
  const isTypeOnly = (kind, specifiers) =>
    kind === "type" ||
    (specifiers.length > 0 && specifiers.every((one) => (one.importKind ?? one.exportKind) === "type"));

  new Visitor({
    ImportDeclaration: (node) =>
      add(node, node.source.value, {
        typeOnly: isTypeOnly(node.importKind, /** @type {{ importKind?: string }[]} */ (node.specifiers)),
      }),
    ExportNamedDeclaration: (node) => {
      if (node.source) add(node, node.source.value, { typeOnly: isTypeOnly(node.exportKind, node.specifiers) });
    },
    ExportAllDeclaration: (node) => add(node, node.source.value, { typeOnly: node.exportKind === "type" }),
    ImportExpression: (node) => {
      add(node, node.source.type === "Literal" ? node.source.value : undefined, { dynamic: true });
    },
    TSImportType: (node) => add(node, node.source.value, { typeOnly: true }),
    TSExternalModuleReference: (node) => add(node, node.expression.value),
  }).visit(program);

  for (const comment of comments) {
    const type = /^\/\s*<reference\s+(?:types|path)="([^"]+)"/.exec(comment.value)?.[1];
    if (type) add(comment, type === "node" ? "node:" : type, { typeOnly: true });
  }
  return found;
}
