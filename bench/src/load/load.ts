import { autocannon } from "./autocannon.js";
import type { Load, LoadGenerator } from "./generator.js";
import { wrk } from "./wrk.js";

/** The generators, the one that needs the least CPU time first. */
const generators: readonly LoadGenerator[] = [wrk, autocannon];

/** Returns the first load generator that is installed. */
export async function loadGenerator(): Promise<{ name: string; version: string }> {
  for (const { name, version } of generators) {
    const found = await version();
    if (found !== undefined) return { name, version: found };
  }
  throw new Error("no load generator is installed");
}

export async function startLoad(name: string | undefined): Promise<Load> {
  const generator = generators.find((one) => one.name === name);
  if (generator === undefined) throw new Error(`unknown load generator ${name}`);
  return generator.start();
}
