// Counts phrases that are hard to read if there are many of them. Each can be good English, so their number is limited,
// but none is forbidden.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Pattern
 * @property {string} name
 * @property {string} instead  what to write
 * @property {RegExp} pattern
 * @property {true} [ofComments]  the pattern applies to the start of each comment, and of the text of each tag
 */

/** @type {readonly Pattern[]} */
const patterns = [
  { name: "told, tells", instead: "emits, logs, reports, returns, notifies", pattern: /\b(?:told|tells?|telling)\b/gi },
  {
    name: "is none, is no …",
    instead: "is not a …, is invalid",
    pattern:
      /(?<!there )\b(?:is|are|was|were|be) none\b|(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b)/gi,
  },
  {
    name: "What …, Who …",
    instead: "a comment that starts with a noun or a verb",
    pattern: /^(?:what|whatever|who|whom|whose|whoever)\b(?!.*\?)|^(?:where|whether)\b(?!.*\?)/gi,
    ofComments: true,
  },
  {
    name: "gives back",
    instead: "refunds, returns",
    pattern: /\b(?:give|gives|giving|gave|given) (?:\w+ ){0,3}back\b/gi,
  },
  { name: "goes on", instead: "continues, resumes", pattern: /\b(?:go|goes|going|went|gone) on\b/gi },
  {
    name: "of its own, in place of, anew, so many, by itself, hears of",
    instead: "custom, separate, instead of, again, n, automatically, is notified",
    pattern:
      /\b(?:anew|(?<!instead |ahead )of (?:its|one's|their|your|our|his) own|in place of|so (?:many|long)(?! as)|by (?:itself|themselves)|hears? of|makes of)\b/gi,
  },
  { name: "give …", instead: "must be …, pass …, use …", pattern: /(?:["'`:;,(]\s*|^\s*|\. )give (?!or take)/gim },
];

const folders = ["packages", "tests", "docs", "tools", "bench", "apps", ".changeset"];
const endings = [".ts", ".mjs", ".lua", ".sql", ".md"];
/** Generated files, files that may never change, and the tool itself with its test. */
const ignored =
  /\.generated\.ts$|CHANGELOG\.md$|\/(?:\.vitepress|public|fixtures)\/|^docs\/api\/|^tools\/(?:.*\/)?(?:check-)?english\./;

/**
 * Returns the uses of each pattern in the sources, tests and docs.
 * @param {string} root
 */
export function usesOf(root) {
  const files = ["README.md", "CONTRIBUTING.md", ...folders.flatMap((folder) => textsIn(root, folder))].filter(
    (file) => existsSync(join(root, file)) && !ignored.test(file),
  );
  /** @type {{ name: string; instead: string; places: string[] }[]} */
  const uses = patterns.map(({ name, instead }) => ({ name, instead, places: [] }));
  for (const file of files) {
    const lines = readFileSync(join(root, file), "utf8").split("\n");
    for (const [number, line] of lines.entries()) {
      for (const [i, { pattern, ofComments }] of patterns.entries()) {
        const text = ofComments ? commentStart(line, lines[number - 1] ?? "") : line;
        const found = text.match(pattern)?.length ?? 0;
        for (let n = 0; n < found; n++) uses[i]?.places.push(`${file}:${number + 1}: ${line.trim()}`);
      }
    }
  }
  return { files: files.length, uses };
}

/**
 * Returns the text at the start of a comment or tag on a line, or "" if there is none.
 * @param {string} line
 * @param {string} previous  the line before
 */
function commentStart(line, previous) {
  const [, mark, text = ""] = /^\s*(\/\*\*?|\/\/|--|\*)\s(.*)/.exec(line) ?? [];
  if (mark === undefined) return "";
  const tag = /^@(?:returns|param \S+)\s+(.*)/.exec(text);
  if (tag) return /^wh(?:at|o)/i.test(tag[1] ?? "") ? (tag[1] ?? "") : "";
  if (mark === "*") return /^\s*\/\*\*?\s*$/.test(previous) ? text : "";
  return mark.startsWith("/*") || !previous.trimStart().startsWith(`${mark} `) ? text : "";
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function textsIn(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return /^(?:node_modules|dist|cache|\.content|\.cache)$/.test(entry.name) ? [] : textsIn(root, path);
    return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : [];
  });
}
