import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inject } from "vitest";

/** A program's output and exit code. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Writes the files of a user's project. Returns its folder, from which the packed packages can be imported. */
export async function project(name: string, files: Readonly<Record<string, string | object>>): Promise<string> {
  const folder = join(inject("installed"), name);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

/**
 * Runs a program in a project's folder until it ends. If `only` is true, it gets no environment variables other than
 * `env`.
 */
export function run(
  folder: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  only = false,
): Promise<Ended> {
  // Vitest's variables must not affect other test runners, and the program must not find packages in pnpm's folders.
  const { NODE_ENV, VITEST, NODE_OPTIONS, NODE_PATH, ...clean } = process.env;
  const options = { cwd: folder, env: { ...(only ? {} : clean), NO_COLOR: "1", ...env }, timeout: 110_000 };
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, output: `${stdout}${stderr}` });
    });
  });
}

/** Runs the `bin` of an installed package with Node.js. */
export function runBin(
  folder: string,
  script: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Ended> {
  return run(folder, process.execPath, [join(inject("installed"), script), ...args], env);
}
