// Builds the documentation's web site into tools/site/dist and checks its links, or serves it with `--serve`. Needs
// built packages, since the API reference is made from their declarations. Run as: node tools/site.mjs [--serve]
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { become, capture, root } from "./lib/process.mjs";
import { writeSiteContent } from "./lib/site-content.mjs";
import { filesBelow, foldersIn } from "./lib/source-files.mjs";
import { sidebar } from "./site/.vitepress/sidebar.mjs";

const site = "tools/site";
const content = join(root, site, ".content");
const bin = (/** @type {string} */ name) => join(root, site, "node_modules/.bin", name);
const { homepage } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const built = join(root, site, "dist");
const dead = writeSiteContent(root, content, homepage);
writeFileSync(join(content, "index.md"), readFileSync(join(root, site, "home.md"), "utf8"));
for (const link of dead) console.error(`dead link in ${link}`);

const digest = digestOfAll();
const digestFile = join(built, ".digest");
if (process.argv.includes("--serve")) {
  writeApi();
  become(bin("vitepress"), ["dev", site]);
} else if (existsSync(digestFile) && readFileSync(digestFile, "utf8") === digest) {
  console.log("the site is up to date");
} else {
  writeApi();
  build();
  if (process.exitCode === 0) writeFileSync(digestFile, digest);
}

/** Returns a digest of everything from which the site is built, which skips a build of about 40 seconds. */
function digestOfAll() {
  const hash = createHash("sha256");
  const declarations = foldersIn(root, "packages").flatMap((name) =>
    filesBelow(join(root, "packages", name, "dist"), ".", ".d.ts").map((file) => `packages/${name}/dist/${file}`),
  );
  const own = ["tools/site.mjs", `${site}/package.json`, `${site}/typedoc.json`, `${site}/.vitepress/config.mjs`];
  const pages = filesBelow(root, `${site}/.content`, ".md");
  for (const file of [...own, `${site}/.vitepress/sidebar.mjs`, ...pages, ...declarations]) {
    hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

/** Writes the API reference, with one page for each door of each package. */
function writeApi() {
  const doors = join(root, site, "doors");
  rmSync(doors, { recursive: true, force: true });
  mkdirSync(doors, { recursive: true });
  for (const name of foldersIn(root, "packages")) {
    const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
    for (const [door, { default: target }] of Object.entries(manifest.exports ?? {})) {
      if (target?.types === undefined) continue;
      const module = posix.join(manifest.name, door);
      const file = join(doors, `${module.replace("@sluice/", "").replaceAll("/", "-")}.ts`);
      const source = `../../../packages/${name}/${target.types.replace(/^\.\/(.*)\.d\.ts$/, "$1.js")}`;
      writeFileSync(file, `/** @module ${module} */\nexport * from "${source}";\n`);
    }
  }
  const { ok, stdout, stderr } = capture(bin("typedoc"), ["--options", join(site, "typedoc.json")]);
  if (!ok) fail(`typedoc failed:\n${stdout}${stderr}`);
}

function build() {
  const { ok, stdout, stderr } = capture(bin("vitepress"), ["build", site]);
  if (!ok) fail(`vitepress failed:\n${stdout}${stderr}`);
  const problems = [...dead.map((link) => `dead link in ${link}`), ...deadAnchors(), ...unlisted()];
  for (const problem of problems) console.error(problem);
  const pages = filesBelow(root, `${site}/.content`, ".md").length;
  console.log(`${pages} pages: ${problems.length === 0 ? "all links lead somewhere" : `${problems.length} problems`}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

/** Returns the links in the built pages whose page or heading is missing. */
function deadAnchors() {
  const pages = new Map(
    // `filesBelow` skips folders named dist, so it starts in this one.
    filesBelow(built, ".", ".html").map((file) => [file, readFileSync(join(built, file), "utf8")]),
  );
  /** @type {Map<string, Set<string>>} */
  const ids = new Map();
  for (const [file, html] of pages) {
    ids.set(file, new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id = ""]) => id)));
  }
  const found = new Set();
  for (const [file, html] of pages) {
    for (const [, href = ""] of html.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^[a-z]+:/.test(href)) continue;
      const [path = "", hash] = href.split("#");
      const joined = path === "" ? file : posix.join(path.startsWith("/") ? "." : posix.dirname(file), path);
      const target = [joined, `${joined}.html`, posix.join(joined, "index.html")].find((name) => pages.has(name));
      const isFile = target === undefined && existsSync(join(built, joined));
      // TypeDoc and VitePress number headings of the same name differently.
      const isHeading = !hash || file.startsWith("api/") || ids.get(target ?? "")?.has(decodeURIComponent(hash));
      if (!isFile && (target === undefined || !isHeading)) found.add(`dead link in ${file}: ${href}`);
    }
  }
  return found;
}

/** Returns the pages that are missing in the sidebar. Pages in a folder with an index are found there. */
function unlisted() {
  const listed = new Set(sidebar.flatMap(({ items }) => items.map(({ link }) => link)));
  return filesBelow(root, `${site}/.content`, ".md")
    .map((file) => file.slice(`${site}/.content`.length).replace(/(index)?\.md$/, ""))
    .filter((page) => page !== "/" && !/^\/(api|errors|decisions)\/./.test(page) && !listed.has(page))
    .map((page) => `the sidebar lacks ${page}`);
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}
