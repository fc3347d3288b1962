import { join } from "node:path";
import { expect, inject } from "vitest";
import { project, runBin } from "./consumer.js";

/** The versions of Jest that are tested. */
export const versions = ["jest29", "jest30"] as const;

export type JestVersion = (typeof versions)[number];

/** Writes a project in which Node.js finds this version of Jest. */
export function jestProject(
  version: JestVersion,
  name: string,
  files: Record<string, string | object>,
): Promise<string> {
  return project(version === "jest29" ? `jest29/${name}` : name, files);
}

export interface JestRun {
  /** How many tests there must be, all of which must pass. */
  readonly passed: number;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs Jest in the folder of a project. */
export async function expectJest(version: JestVersion, folder: string, run: JestRun): Promise<void> {
  const { passed, args = [], env } = run;
  const bin = join(version === "jest29" ? "jest29" : "", "node_modules/jest/bin/jest.js");
  const cache = join(inject("installed"), "cache", version);
  // The first test that loads a module compiles it, which may take longer than Jest's five seconds on a busy machine.
  const { code, output } = await runBin(
    folder,
    bin,
    ["--ci", "--runInBand", "--testTimeout=100000", `--cacheDirectory=${cache}`, ...args],
    env,
  );
  expect(output).toContain(`${passed} passed, ${passed} total`);
  expect(code, output).toBe(0);
}
