import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { helpUrl } from "../../packages/core/src/errors.js";
import { root } from "../lib/process.mjs";
import { filesBelow } from "../lib/source-files.mjs";

const { homepage } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

test("links to the pages about errors in this project's repository", () => {
  expect(helpUrl("UNKNOWN_OPTION")).toBe(`${homepage}/blob/main/docs/errors/UNKNOWN_OPTION.md`);
});

/** Returns the first group of each match in a source. */
function found(file: string, pattern: RegExp): string[] {
  return [...readFileSync(join(root, file), "utf8").matchAll(pattern)].map(([, code]) => code ?? "");
}

const sources = filesBelow(root, "packages", ".ts").filter((file) => /^packages\/[^/]+\/src\//.test(file));
const codes = new Set([
  ...sources.flatMap((file) => found(file, /\bhelpUrl\(\s*"([A-Z_]+)"/g)),
  // Every warning must link to the page of its code.
  ...found("packages/core/src/http/warnings.ts", /^ {2}\| "([A-Z_]+)"/gm),
]);

test("finds codes that errors and warnings link to", () => {
  expect([...codes]).toEqual(expect.arrayContaining(["UNKNOWN_OPTION", "MADE_IN_HANDLER", "FORGET_FAILED"]));
});

test.each([...codes].sort())("%s has a page", (code) => {
  expect(existsSync(join(root, "docs/errors", `${code}.md`))).toBe(true);
});
