import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeSiteContent } from "../lib/site-content.mjs";
import { folderWith } from "./fixture.js";

const homepage = "https://example.com/sluice";

/** Returns the content of the page for docs/a/page.md, and the dead links of all pages. */
function siteOf(markdown: string): { page: string; dead: string[] } {
  const root = folderWith({
    "docs/a/page.md": markdown,
    "docs/http.md": "# HTTP",
    "docs/errors/README.md": "# Errors",
    "packages/core/README.md": "# Core",
    "packages/core/src/index.ts": "",
  });
  const folder = join(root, "site");
  const dead = writeSiteContent(root, folder, homepage);
  return { page: readFileSync(join(folder, "a/page.md"), "utf8"), dead };
}

test.each([
  ["a page", "../http.md#keys", "../http.md#keys"],
  ["the README of a folder", "../errors", "../errors/index.md"],
  ["the README of a package", "../../packages/core/README.md", "../packages/core.md"],
  ["a page by its address", `${homepage}/blob/main/docs/http.md`, "../http.md"],
  ["a file without a page", "../../packages/core/src/index.ts", `${homepage}/blob/main/packages/core/src/index.ts`],
  ["a folder without a page", "../../packages/core/src", `${homepage}/tree/main/packages/core/src`],
  ["another site", "https://other.example/a.md", "https://other.example/a.md"],
])("links to %s", (_, target, expected) => {
  expect(siteOf(`See [\`code\`](${target}).`)).toEqual({ page: `See [\`code\`](${expected}).`, dead: [] });
});

test("copies images into the site", () => {
  const root = folderWith({ "docs/a/page.md": "![A chart](../images/a.svg)", "docs/images/a.svg": "<svg/>" });
  const folder = join(root, "site");
  expect(writeSiteContent(root, folder, homepage)).toEqual([]);
  expect(readFileSync(join(folder, "a/page.md"), "utf8")).toBe("![A chart](../images/a.svg)");
  expect(readFileSync(join(folder, "images/a.svg"), "utf8")).toBe("<svg/>");
});

test("reports a dead link and a missing image", () => {
  expect(siteOf("![a](../images/a.svg)").dead).toEqual(["docs/a/page.md: ../images/a.svg"]);
  expect(siteOf("[a](../https.md)").dead).toEqual(["docs/a/page.md: ../https.md"]);
});

test("keeps code, and removes declarations for check-docs", () => {
  const code = "```md\n[a](../https.md)\n```\n\n`[b](x.md)`";
  expect(siteOf(`<!-- docs: declare const a: 1; -->\n${code}`)).toEqual({ page: code, dead: [] });
});
