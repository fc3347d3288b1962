// Generates the index of docs/decisions.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { filesBelow } from "./source-files.mjs";

const folder = "docs/decisions";
const page = `${folder}/README.md`;
const start = "<!-- index: written by `npm run generate` -->\n";
const end = "<!-- end of index -->\n";

/**
 * Returns the README of the decisions with one line for each decision, which shows its title.
 * @param {string} root
 * @returns {[file: string, text: string][]} empty if there is no README
 */
export function decisionsIndex(root) {
  if (!existsSync(join(root, page))) return [];
  const text = readFileSync(join(root, page), "utf8");
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`${page} must have the lines ${start.trim()} and ${end.trim()}`);
  const lines = filesBelow(root, folder, ".md")
    .filter((file) => file !== page)
    .map((file) => lineOf(basename(file), readFileSync(join(root, file), "utf8")));
  return [[page, `${text.slice(0, from)}${start}\n${lines.join("")}\n${text.slice(to)}`]];
}

/**
 * @param {string} file
 * @param {string} text
 */
function lineOf(file, text) {
  const number = /^(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1];
  const title = /^# (\d{4}): (.+)\n/.exec(text);
  if (number === undefined || title?.[1] !== number) {
    throw new Error(
      `${folder}/${file} must be named 0000-a-few-words.md and begin with "# ${number ?? "0000"}: a title"`,
    );
  }
  return `- [${number}](${file}): ${title[2]}\n`;
}
