// Finds the code blocks of a Markdown text.
import { fromMarkdown } from "mdast-util-from-markdown";

/**
 * @typedef {object} CodeBlock
 * @property {number} line  the line number of the first line of code
 * @property {string} language
 * @property {string} meta  the words after the language
 * @property {string} code
 * @property {{ line: number; text: string }[]} declared  the declarations in a `<!-- docs: … -->` comment just before
 * the block
 */

/**
 * @param {string} markdown
 * @returns {CodeBlock[]}
 */
export function codeBlocksOf(markdown) {
  /** @type {CodeBlock[]} */
  const blocks = [];
  /** @param {import("mdast").Parent} parent */
  const walk = (parent) => {
    /** @type {CodeBlock["declared"]} */
    let declared = [];
    for (const node of parent.children) {
      if (node.type === "code") {
        const line = (node.position?.start.line ?? 0) + 1;
        blocks.push({
          line,
          language: (node.lang ?? "").toLowerCase(),
          meta: node.meta ?? "",
          code: node.value,
          declared,
        });
      }
      declared = node.type === "html" ? [...declared, ...declarationsOf(node)] : [];
      if ("children" in node) walk(node);
    }
  };
  walk(fromMarkdown(markdown));
  return blocks;
}

/** @param {import("mdast").Html} node */
function declarationsOf({ value, position }) {
  return [...value.matchAll(/<!--\s*docs:([\s\S]*?)-->/g)].flatMap(({ index, 1: text = "" }) => {
    const line = (position?.start.line ?? 0) + value.slice(0, index).split("\n").length - 1;
    return text.split("\n").map((declaration, i) => ({ line: line + i, text: declaration }));
  });
}
