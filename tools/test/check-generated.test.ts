import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folderWith, runTool } from "./fixture.js";

const scripts = "packages/store-redis/src/scripts";
const output = "packages/store-redis/src/scripts.generated.ts";

const files = {
  [`${scripts}/take-token.lua`]: [
    "-- KEYS[1]: the state",
    '--@include "_clock.lua"',
    '--@include "includes/number.lua"',
    "local a = '\\n' -- why",
    "return `${a}`",
  ].join("\n"),
  [`${scripts}/_clock.lua`]: '--@include "includes/number.lua"\nlocal now = 1\n',
  [`${scripts}/includes/number.lua`]: "  -- exact\nlocal function exact() end\n",
};

async function load(folder: string): Promise<Record<string, { name: string; text: string; sha1: string }>> {
  // The generated file is JavaScript but for its types.
  const text = readFileSync(join(folder, output), "utf8")
    .replace(/export interface[^}]+}/, "")
    .replaceAll(": Script", "");
  const copy = join(folder, "copy.mjs");
  writeFileSync(copy, text);
  return import(copy);
}

test("embeds each script with its includes, each once, and without comment lines", async () => {
  const folder = folderWith(files);
  expect(runTool("generate.mjs", folder)).toMatchObject({ code: 0 });
  const text = "local function exact() end\n\nlocal now = 1\n\nlocal a = '\\n' -- why\nreturn `${a}`\n";
  expect({ ...(await load(folder)) }).toEqual({
    takeToken: { name: "takeToken", text, sha1: createHash("sha1").update(text).digest("hex") },
  });
  expect(runTool("check-generated.mjs", folder)).toMatchObject({ code: 0 });
});

test.each([
  ["a script was changed", (folder: string) => appendFileSync(join(folder, scripts, "take-token.lua"), "x = 1\n")],
  ["an include was changed", (folder: string) => appendFileSync(join(folder, scripts, "_clock.lua"), "x = 1\n")],
  ["a script was added", (folder: string) => writeFileSync(join(folder, scripts, "other.lua"), "return 1\n")],
  ["a script was removed", (folder: string) => rmSync(join(folder, scripts, "take-token.lua"))],
  ["the generated file was changed", (folder: string) => appendFileSync(join(folder, output), "// by hand\n")],
  ["the generated file is missing", (folder: string) => rmSync(join(folder, output))],
])("fails when %s", (_, change) => {
  const folder = folderWith(files);
  runTool("generate.mjs", folder);
  change(folder);
  const { code, output: printed } = runTool("check-generated.mjs", folder);
  expect(printed).toContain("npm run generate");
  expect(code).toBe(1);
});

test.each([
  ['--@include "missing.lua"', "missing.lua does not exist"],
  ["--@include missing.lua", 'write it as --@include "file.lua"'],
])("a wrong include is an error that names the line: %s", (line, problem) => {
  const folder = folderWith({ [`${scripts}/a.lua`]: `\n${line}\n` });
  const { code, output: printed } = runTool("generate.mjs", folder);
  expect(printed).toContain(problem);
  expect(printed).toContain("a.lua:2");
  expect(code).toBe(1);
});

describe("the index of the decisions", () => {
  const page = "docs/decisions/README.md";
  const readme = "# Decisions\n\n<!-- index: written by `npm run generate` -->\n<!-- end of index -->\n\nMore.\n";
  const decision = { "docs/decisions/0002-two-words.md": "# 0002: Two words\n\nWhy.\n" };

  test("has one line for each, in order, and leaves the rest of the page alone", () => {
    const folder = folderWith({ [page]: readme, "docs/decisions/0010-later.md": "# 0010: Later\n", ...decision });
    expect(runTool("check-generated.mjs", folder)).toMatchObject({ code: 1 });
    expect(runTool("generate.mjs", folder)).toMatchObject({ code: 0 });
    const lines = "- [0002](0002-two-words.md): Two words\n- [0010](0010-later.md): Later\n";
    expect(readFileSync(join(folder, page), "utf8")).toBe(readme.replace("<!-- end", `\n${lines}\n<!-- end`));
    expect(runTool("check-generated.mjs", folder)).toMatchObject({ code: 0 });
    writeFileSync(join(folder, "docs/decisions/0011-new.md"), "# 0011: New\n");
    expect(runTool("check-generated.mjs", folder).output).toContain(`${page} is not what its sources give`);
  });

  test.each([
    ["0003-other.md", "# 0004: Another number\n"],
    ["0003-other.md", "No title\n"],
    ["notes.md", "# 0003: No number\n"],
  ])("refuses %s that begins with %j", (file, text) => {
    const { code, output: printed } = runTool(
      "generate.mjs",
      folderWith({ [page]: readme, [`docs/decisions/${file}`]: text }),
    );
    expect(printed).toContain(`docs/decisions/${file} must be named`);
    expect(code).toBe(1);
  });
});
