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

interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha1: string;
}

async function load<T = Script>(folder: string, file = output): Promise<Record<string, T | undefined>> {
  // Without its types, the generated file is JavaScript.
  const text = readFileSync(join(folder, file), "utf8")
    .replace(/export interface[^}]+}/, "")
    .replaceAll(/: (readonly )?Script(\[\])?/g, "");
  const copy = join(folder, "copy.mjs");
  writeFileSync(copy, text);
  return import(copy);
}

test("embeds each script, with each include once and without comment lines", async () => {
  const folder = folderWith(files);
  expect(runTool("generate.mjs", folder)).toMatchObject({ code: 0 });
  const text = "local function exact() end\n\nlocal now = 1\n\nlocal a = '\\n' -- why\nreturn `${a}`\n";
  expect({ ...(await load(folder)) }).toEqual({
    takeToken: { name: "takeToken", text, sha1: createHash("sha1").update(text).digest("hex") },
  });
  expect(runTool("check-generated.mjs", folder)).toMatchObject({ code: 0 });
});

test("includes all files that match, sorted by name", async () => {
  const folder = folderWith({
    [`${scripts}/decide.lua`]: '--@include "includes/algorithms/*.lua"\nreturn 1\n',
    [`${scripts}/includes/algorithms/b.lua`]: "local b = 2\n",
    [`${scripts}/includes/algorithms/a.lua`]: "local a = 1\n",
    [`${scripts}/includes/algorithms/notes.md`]: "no Lua\n",
  });
  expect(runTool("generate.mjs", folder)).toMatchObject({ code: 0 });
  expect((await load(folder)).decide?.text).toBe("local a = 1\n\nlocal b = 2\n\nreturn 1\n");
});

const migrations = "packages/store-postgres/src/migrations";
const pieces = {
  [`${migrations}/includes/one.sql`]:
    "-- The first.\n--@number 2\n\n--@section charge\na := 1;\n\nb := 2;\n\n--@section end\nc := 3;\n",
  [`${migrations}/includes/two.sql`]: "--@number 1\n--@section charge\na := 4;\n",
};

test("puts the sections of files into branches, sorted by number", async () => {
  const folder = folderWith({
    ...pieces,
    [`${migrations}/v0002_decide.sql`]:
      'BEGIN\n  --@dispatch kind charge "includes/*.sql" ELSE RAISE undefined_function;\n  --@dispatch kind end "includes/*.sql"\nEND\n',
    [`${migrations}/v0001_table.sql`]: "CREATE TABLE t ();\n",
  });
  expect(runTool("generate.mjs", folder)).toMatchObject({ code: 0 });
  const loaded = await load<Script[]>(folder, "packages/store-postgres/src/migrations.generated.ts");
  expect(loaded.migrations?.map(({ name }) => name)).toEqual(["v0001Table", "v0002Decide"]);
  expect(loaded.migrations?.[1]?.text).toBe(
    [
      "BEGIN",
      "  IF kind = 1 THEN",
      "    a := 4;",
      "  ELSIF kind = 2 THEN",
      "    a := 1;",
      "",
      "    b := 2;",
      "  ELSE",
      "    RAISE undefined_function;",
      "  END IF;",
      "  IF kind = 2 THEN",
      "    c := 3;",
      "  END IF;",
      "END",
      "",
    ].join("\n"),
  );
});

test.each([
  ['--@dispatch kind charge "pieces/*.sql"', "pieces/*.sql does not exist"],
  ['--@dispatch kind refund "includes/*.sql"', "no file has a section refund"],
  ["--@dispatch kind charge", "write it as --@dispatch"],
])("reports a wrong dispatch with its line: %s", (line, problem) => {
  const folder = folderWith({ ...pieces, [`${migrations}/v0001_a.sql`]: `\n${line}\n` });
  const { code, output: printed } = runTool("generate.mjs", folder);
  expect(printed).toContain(problem);
  expect(printed).toContain("v0001_a.sql:2");
  expect(code).toBe(1);
});

test.each([
  ["--@section charge\na := 1;\n", "needs a line such as --@number 1"],
  ["--@number 1\n--@section charge\na := 1;\n", "two files have the number 1"],
])("reports a wrong part: %j", (piece, problem) => {
  const folder = folderWith({
    ...pieces,
    [`${migrations}/includes/three.sql`]: piece,
    [`${migrations}/v0001_a.sql`]: '--@dispatch kind charge "includes/*.sql"\n',
  });
  const { code, output: printed } = runTool("generate.mjs", folder);
  expect(printed).toContain(problem);
  expect(code).toBe(1);
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
])("reports a wrong include with its line: %s", (line, problem) => {
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

  test("has one line for each decision, in order, and keeps the rest of the page", () => {
    const folder = folderWith({ [page]: readme, "docs/decisions/0010-later.md": "# 0010: Later\n", ...decision });
    expect(runTool("check-generated.mjs", folder)).toMatchObject({ code: 1 });
    expect(runTool("generate.mjs", folder)).toMatchObject({ code: 0 });
    const lines = "- [0002](0002-two-words.md): Two words\n- [0010](0010-later.md): Later\n";
    expect(readFileSync(join(folder, page), "utf8")).toBe(readme.replace("<!-- end", `\n${lines}\n<!-- end`));
    expect(runTool("check-generated.mjs", folder)).toMatchObject({ code: 0 });
    writeFileSync(join(folder, "docs/decisions/0011-new.md"), "# 0011: New\n");
    expect(runTool("check-generated.mjs", folder).output).toContain(`${page} is out of date`);
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
