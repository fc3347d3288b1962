import { join } from "node:path";
import { expect, inject } from "vitest";
import { project, runBin } from "./consumer.js";

/** The versions of Jest that the packages are tried with. */
export const versions = ["jest29", "jest30"] as const;

export type JestVersion = (typeof versions)[number];

/** Writes a project where Node.js finds that version of Jest. */
export function jestProject(
  version: JestVersion,
  name: string,
  files: Record<string, string | object>,
): Promise<string> {
  return project(version === "jest29" ? `jest29/${name}` : name, files);
}

export interface JestRun {
  /** How many tests have to pass; no other result is right. */
  readonly passed: number;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs Jest in the folder of a project. */
export async function expectJest(version: JestVersion, folder: string, run: JestRun): Promise<void> {
  const { passed, args = [], env } = run;
  const bin = join(version === "jest29" ? "jest29" : "", "node_modules/jest/bin/jest.js");
  const cache = join(inject("installed"), "cache", version);
  // The first test that needs a module compiles it: on a busy machine that takes longer than Jest's five seconds.
  const { code, output } = await runBin(
    folder,
    bin,
    ["--ci", "--runInBand", "--testTimeout=100000", `--cacheDirectory=${cache}`, ...args],
    env,
  );
  expect(output).toContain(`${passed} passed, ${passed} total`);
  expect(code, output).toBe(0);
}
