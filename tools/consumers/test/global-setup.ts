import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestProject } from "vitest/node";
import { installPacked, packPackages } from "../../lib/pack.mjs";

declare module "vitest" {
  interface ProvidedContext {
    /**
     * The folder in which all packages of Sluice are installed from their tarballs, together with the dependencies of
     * `tools/consumers`.
     */
    installed: string;
    /** The paths of the tarballs. */
    tarballs: readonly string[];
  }
}

const here = dirname(import.meta.dirname);

/** Packs and installs once for all test files. */
export default function setUp(project: TestProject): () => void {
  // The real path, since Jest and others compare it with the paths that they resolve.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-consumers-")));
  const tarballs = packPackages(join(folder, "tarballs"));
  installPacked(tarballs, folder);
  linkAll(join(here, "node_modules"), join(folder, "node_modules"));
  linkAll(join(here, "jest29", "node_modules"), join(folder, "jest29", "node_modules"));
  project.provide("installed", folder);
  project.provide("tarballs", tarballs);
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Links packages that pnpm installed, except those that already exist. */
function linkAll(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name.startsWith(".") || name === "@sluice") continue;
    if (name.startsWith("@")) linkAll(join(from, name), join(to, name));
    else if (!existsSync(join(to, name))) symlinkSync(realpathSync(join(from, name)), join(to, name));
  }
}
