import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";

/** The machine and software that the numbers were taken on. */
export interface Environment {
  /** When the run began. */
  readonly date: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Over the last minute: a quiet machine starts near 0. */
  readonly loadAverage: { readonly start: number; readonly end: number };
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** True if every round had new processes. */
  readonly freshProcesses: boolean;
  /** How long one measurement of a rate took. */
  readonly durationMs: number;
  /** True if cores without work waited for some instead of sleeping. */
  readonly coresAwake: boolean;
  /** A smoke test, whose numbers mean nothing. */
  readonly quick: boolean;
}

/** The part of an environment that is the same before and after a run. */
export type Circumstances = Pick<
  Environment,
  "versions" | "rounds" | "freshProcesses" | "durationMs" | "coresAwake" | "quick"
>;

/** Notes the load now; the function returned makes the environment at the end. */
export function watchEnvironment(): (circumstances: Circumstances) => Environment {
  const date = new Date().toISOString();
  const start = loadAverage();
  return (circumstances) => ({
    date,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    loadAverage: { start, end: loadAverage() },
    ...circumstances,
  });
}

/** Over the last minute. */
export function loadAverage(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** The installed versions of the bench's own dependencies. */
export function versionsOf(packages: readonly string[]): Record<string, string> {
  return Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
}

function versionOf(name: string): string {
  const file = join(import.meta.dirname, "..", "node_modules", name, "package.json");
  return JSON.parse(readFileSync(file, "utf8")).version;
}
