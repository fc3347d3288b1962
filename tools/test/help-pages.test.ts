import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { helpUrl } from "../../packages/core/src/errors.js";
import { root } from "../lib/process.mjs";
import { filesBelow } from "../lib/source-files.mjs";

const { homepage } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

test("links to the pages about errors in the project's own repository", () => {
  expect(helpUrl("UNKNOWN_OPTION")).toBe(`${homepage}/blob/main/docs/errors/UNKNOWN_OPTION.md`);
});

const codes = new Set(
  filesBelow(root, "packages", ".ts").flatMap((file) => {
    if (!/^packages\/[^/]+\/src\//.test(file)) return [];
    const linked = readFileSync(join(root, file), "utf8").matchAll(/\b(?:helpUrl|warn)\(\s*"([A-Z_]+)"/g);
    return [...linked].map(([, code]) => code ?? "");
  }),
);

test("finds codes that errors and warnings link to", () => {
  expect([...codes]).toEqual(expect.arrayContaining(["UNKNOWN_OPTION", "MADE_IN_HANDLER", "FORGET_FAILED"]));
});

test.each([...codes].sort())("%s has a page", (code) => {
  expect(existsSync(join(root, "docs/errors", `${code}.md`))).toBe(true);
});
