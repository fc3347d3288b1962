// Checks the links of the packages' READMEs, which npm shows without the rest of the repository.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromMarkdown } from "mdast-util-from-markdown";
import { foldersIn } from "./source-files.mjs";

/**
 * Returns the problems of the links in the READMEs of `packages`: relative links, and links to missing files of this
 * repository.
 * @param {string} root
 * @returns {string[]}
 */
export function readmeProblems(root) {
  const { homepage } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return foldersIn(root, "packages").flatMap((name) => {
    const file = `packages/${name}/README.md`;
    if (!existsSync(join(root, file))) return [`${file} is missing`];
    return targetsOf(readFileSync(join(root, file), "utf8")).flatMap((target) => {
      if (!/^(https?:|#)/.test(target)) return [`${file}: ${target} must be an absolute URL`];
      const [, path] = new RegExp(`^${homepage}/(?:blob|tree)/main/([^#]*)`).exec(target) ?? [];
      return path === undefined || existsSync(join(root, path)) ? [] : [`${file}: ${target} leads to a missing file`];
    });
  });
}

/** @param {string} markdown */
function targetsOf(markdown) {
  /** @type {string[]} */
  const targets = [];
  /** @param {import("mdast").Nodes} node */
  const walk = (node) => {
    if (node.type === "link" || node.type === "definition") targets.push(node.url);
    if ("children" in node) node.children.forEach(walk);
  };
  walk(fromMarkdown(markdown));
  return targets;
}
