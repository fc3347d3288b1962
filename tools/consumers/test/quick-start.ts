import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeBlocksOf } from "../../lib/code-blocks.mjs";
import { root } from "../../lib/process.mjs";

/** The first program that a page prints, and how to install what it imports. */
export interface QuickStart {
  readonly title: string;
  readonly code: string;
  /** The lines for a shell. */
  readonly install: string;
}

/** The first program of a page, or that of a tab, and the install lines before it. */
export function quickStart(page: string, tab?: string): QuickStart {
  const blocks = codeBlocksOf(readFileSync(join(root, page), "utf8")).filter(
    ({ meta }) => tab === undefined || meta === `[${tab}]`,
  );
  const code = blocks.find(({ language }) => language === "js")?.code ?? "";
  const install = blocks.find(({ language }) => language === "sh")?.code ?? "";
  return { title: tab === undefined ? page : `${page}, ${tab}`, code, install };
}

/** Returns the packages that a quick start installs, whatever the package manager, sorted. */
export function packagesOf({ install }: QuickStart): string[] {
  const [, list = ""] = / (?:install|add) (.*)/.exec(install) ?? [];
  return list
    .split(" ")
    .map((name) => name.replace(/^npm:/, ""))
    .sort();
}
