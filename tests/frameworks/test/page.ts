import { readFileSync } from "node:fs";

const read = (page: string): string => readFileSync(new URL(`../../../docs/${page}`, import.meta.url), "utf8");

const page = read("frameworks.md");

/** Returns the code blocks below a heading of docs/frameworks.md. */
export function printed(heading: string): readonly string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  const blocks = codeOf(section ?? "");
  if (blocks.length === 0) throw new Error(`docs/frameworks.md prints no code below "${heading}"`);
  return blocks;
}

/** The file `limited.ts` of docs/write-an-adapter.md. */
export const limited: string =
  codeOf(read("write-an-adapter.md")).find((code) => code.startsWith("// limited.ts\n")) ?? "";

/** Returns the major versions that the page claims to be tested with, such as `connect 3`. */
export function versionsOfPage(): readonly string[] {
  const [, list = ""] = /in apps of ([\s\S]*?)\.\n/.exec(page) ?? [];
  return list.replaceAll("\n", " ").split(/, | and /);
}

function codeOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
}
