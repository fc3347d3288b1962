import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeBlocksOf } from "../../lib/code-blocks.mjs";
import { root } from "../../lib/process.mjs";

/** The first program of a page, and the commands that install what it imports. */
export interface QuickStart {
  readonly title: string;
  readonly code: string;
  /** The install commands, as lines for a shell. */
  readonly install: string;
}

/** Returns the quick start of a page or of one of its tabs. */
export function quickStart(page: string, tab?: string): QuickStart {
  const blocks = codeBlocksOf(readFileSync(join(root, page), "utf8")).filter(
    ({ meta }) => tab === undefined || meta === `[${tab}]`,
  );
  const code = blocks.find(({ language }) => language === "js")?.code ?? "";
  const install = blocks.find(({ language }) => language === "sh")?.code ?? "";
  return { title: tab === undefined ? page : `${page}, ${tab}`, code, install };
}

/** Returns the packages that a quick start installs with any package manager, sorted. */
export function packagesOf({ install }: QuickStart): string[] {
  const [, list = ""] = / (?:install|add) (.*)/.exec(install) ?? [];
  return list
    .split(" ")
    .map((name) => name.replace(/^npm:/, ""))
    .sort();
}
