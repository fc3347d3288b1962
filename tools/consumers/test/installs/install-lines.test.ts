// Runs every `npm install` line of the documentation with each package manager. It must install without warnings about
// peers or engines, and the installed packages must load.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { codeBlocksOf } from "../../../lib/code-blocks.mjs";
import { ensurePnpm } from "../../../lib/pnpm.mjs";
import { root } from "../../../lib/process.mjs";
import { filesBelow, foldersIn } from "../../../lib/source-files.mjs";
import { type EmptyMachine, emptyMachine } from "../empty-machine.js";
import { type Registry, startRegistry } from "../registry.js";

const pages = [
  "README.md",
  ...filesBelow(root, "docs", ".md"),
  ...foldersIn(root, "packages").map((name) => `packages/${name}/README.md`),
];

/** The distinct lines, without trailing comments. */
const lines = [
  ...new Set(
    pages
      .flatMap((page) => codeBlocksOf(readFileSync(join(root, page), "utf8")))
      .filter(({ language }) => language === "sh")
      .flatMap(({ code }) => code.match(/^npm install .*$/gm) ?? [])
      .map((line) => line.replace(/\s+#.*$/, "")),
  ),
];

/** pnpm fails until install scripts are allowed or refused. The packages with scripts that a package brings along. */
const scripts: Readonly<Record<string, readonly string[]>> = { esbuild: ["esbuild"], wrangler: ["esbuild", "workerd"] };

function allowsOf(line: string): string {
  return line
    .split(" ")
    .flatMap((name) => scripts[name] ?? [])
    .map((name) => ` --allow-build=${name}`)
    .join("");
}

let registry: Registry;
beforeAll(async () => {
  ensurePnpm();
  registry = await startRegistry(inject("tarballs"));
});
afterAll(() => registry?.stop());

it("finds the lines in the documentation", () => {
  expect(lines.length).toBeGreaterThan(10);
});

describe.each([
  ["npm", (line: string) => line],
  ["pnpm", (line: string) => line.replace("npm install", `pnpm add${allowsOf(line)}`)],
] as const)("%s", (_, typedOf) => {
  let machine: EmptyMachine;
  beforeAll(() => {
    machine = emptyMachine(registry.url);
  });
  afterAll(() => machine.remove());

  it.each(lines)("%s", async (line) => {
    const folder = machine.folder(true);
    const { code, output } = await machine.type(folder, typedOf(line));
    expect(output).not.toMatch(/peer|ERESOLVE|deprecated|@sluice.*unsupported/i);
    expect(code, output).toBe(0);

    const packages = line.split(" ").filter((name) => name.startsWith("@sluice/"));
    const program = packages.map((name) => `await import("${name}");`).join("");
    const loaded = await machine.type(folder, `node --input-type=module -e '${program}'`);
    expect(loaded).toEqual({ code: 0, output: "" });
  });
});
