// Writes the pages of the site: the Markdown files of the repository, with links as the site needs them.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fromMarkdown } from "mdast-util-from-markdown";
import { filesBelow, foldersIn } from "./source-files.mjs";

/**
 * Returns the site's page for each Markdown file, by the file's path. A README is the index of its folder.
 * @param {string} root
 * @returns {Map<string, string>}
 */
function sitePages(root) {
  /** @type {[file: string, page: string][]} */
  const pages = [
    ["CONTRIBUTING.md", "contributing.md"],
    ["bench/README.md", "benchmarks.md"],
    // The site has a separate home page.
    ...filesBelow(root, "docs", ".md")
      .filter((file) => file !== "docs/README.md")
      .map((file) => /** @type {[string, string]} */ ([file, pageOf(file)])),
    ...foldersIn(root, "packages").map(
      (name) => /** @type {[string, string]} */ ([`packages/${name}/README.md`, `packages/${name}.md`]),
    ),
  ];
  return new Map(pages.filter(([file]) => existsSync(join(root, file))));
}

/** @param {string} file */
function pageOf(file) {
  return file.slice("docs/".length).replace(/README\.md$/, "index.md");
}

/**
 * Writes the pages into a folder, which is first emptied.
 * @param {string} root
 * @param {string} folder
 * @param {string} homepage  the repository's address, for links to files that are not pages
 * @returns {string[]} the dead links
 */
export function writeSiteContent(root, folder, homepage) {
  rmSync(folder, { recursive: true, force: true });
  const pages = sitePages(root);
  /** @type {string[]} */
  const dead = [];
  for (const [file, page] of pages) {
    const text = readFileSync(join(root, file), "utf8");
    const linked = withLinks(text, (target, isImage) => {
      const link = isImage ? imageOf(root, folder, file, page, target) : linkOf(root, pages, file, target, homepage);
      if (link === undefined) dead.push(`${file}: ${target}`);
      return link ?? target;
    });
    // Declarations for tools/check-docs.mjs are removed.
    write(join(folder, page), linked.replaceAll(/<!--\s*docs:[\s\S]*?-->\n+/g, ""));
  }
  write(join(folder, "changelog.md"), changelog(root));
  return dead;
}

/**
 * Copies an image of the repository into the site, and returns its new target.
 * @param {string} root
 * @param {string} folder
 * @param {string} file
 * @param {string} page
 * @param {string} target
 * @returns {string | undefined} `undefined` for a missing image
 */
function imageOf(root, folder, file, page, target) {
  if (/^https?:/.test(target)) return target;
  const source = posix.join(dirname(file), target);
  if (!existsSync(join(root, source))) return undefined;
  const copy = posix.join("images", posix.basename(source));
  mkdirSync(join(folder, "images"), { recursive: true });
  copyFileSync(join(root, source), join(folder, copy));
  const relative = posix.relative(dirname(page), copy);
  return relative.startsWith(".") ? relative : `./${relative}`;
}

/**
 * Changes the targets of all links and images of a Markdown text.
 * @param {string} text
 * @param {(target: string, isImage: boolean) => string} change
 */
function withLinks(text, change) {
  /** @type {{ at: number; old: string; url: string }[]} */
  const links = [];
  /** @param {import("mdast").Nodes} node */
  const walk = (node) => {
    const isLink = node.type === "link" || node.type === "definition" || node.type === "image";
    if (isLink && node.position?.end.offset !== undefined) {
      const at = text.lastIndexOf(node.url, node.position.end.offset);
      const isImage = node.type === "image";
      if (at >= (node.position.start.offset ?? 0)) links.push({ at, old: node.url, url: change(node.url, isImage) });
    }
    if ("children" in node) node.children.forEach(walk);
  };
  walk(fromMarkdown(text));
  // From the end, so that earlier positions stay valid.
  return links
    .sort((a, b) => b.at - a.at)
    .reduce((result, { at, old, url }) => result.slice(0, at) + url + result.slice(at + old.length), text);
}

/**
 * @param {string} root
 * @param {Map<string, string>} pages
 * @param {string} file
 * @param {string} target
 * @param {string} homepage
 * @returns {string | undefined} `undefined` for a dead link
 */
function linkOf(root, pages, file, target, homepage) {
  const inRepository = ["blob", "tree"]
    .map((kind) => `${homepage}/${kind}/main/`)
    .find((start) => target.startsWith(start));
  if (inRepository === undefined && /^(https?:|mailto:|#)/.test(target)) return target;
  const [path = "", anchor] = target.slice(inRepository?.length ?? 0).split("#");
  const resolved = posix.join(inRepository === undefined ? dirname(file) : ".", path).replace(/\/$/, "");
  const hash = anchor === undefined ? "" : `#${anchor}`;
  const page = pages.get(resolved) ?? pages.get(`${resolved}/README.md`);
  if (page !== undefined) {
    const from = dirname(/** @type {string} */ (pages.get(file)));
    const relative = posix.relative(from, page);
    return `${relative.startsWith(".") ? relative : `./${relative}`}${hash}`;
  }
  if (!existsSync(join(root, resolved))) return undefined;
  const kind = statSync(join(root, resolved)).isDirectory() ? "tree" : "blob";
  return `${homepage}/${kind}/main/${resolved}${hash}`;
}

/**
 * Returns the changes of each release. All packages have the same version, so each change is listed once.
 * @param {string} root
 */
function changelog(root) {
  const released = join(root, "packages/core/CHANGELOG.md");
  const past = existsSync(released) ? readFileSync(released, "utf8").replace(/^# .*\n/, "") : "";
  const coming = filesBelow(root, ".changeset", ".md")
    .filter((file) => !file.endsWith("README.md"))
    .map((file) =>
      readFileSync(join(root, file), "utf8")
        .replace(/^---[\s\S]*?---\n/, "")
        .trim(),
    );
  return `# Changelog\n\n## Not yet released\n\n${coming.join("\n\n")}\n${past}`;
}

/**
 * @param {string} file
 * @param {string} text
 */
function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
