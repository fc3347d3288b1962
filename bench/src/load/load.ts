import { autocannon } from "./autocannon.js";
import type { Load, LoadGenerator } from "./generator.js";
import { wrk } from "./wrk.js";

/** The one that takes least of the machine comes first. */
const generators: readonly LoadGenerator[] = [wrk, autocannon];

/** The load generator that there is. */
export async function loadGenerator(): Promise<{ name: string; version: string }> {
  for (const { name, version } of generators) {
    const found = await version();
    if (found !== undefined) return { name, version: found };
  }
  throw new Error("there is no load generator");
}

export async function startLoad(name: string | undefined): Promise<Load> {
  const generator = generators.find((one) => one.name === name);
  if (generator === undefined) throw new Error(`there is no load generator ${name}`);
  return generator.start();
}
