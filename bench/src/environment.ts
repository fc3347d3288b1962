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
  /** Averages over the last minute. On a quiet machine, `start` is near 0. */
  readonly loadAverage: { readonly start: number; readonly end: number };
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** True if every round had new processes. */
  readonly freshProcesses: boolean;
  /** How long one measurement of a rate took. */
  readonly durationMs: number;
  /** True if idle cores were kept awake. */
  readonly coresAwake: boolean;
  /** True for a smoke test, whose numbers mean nothing. */
  readonly quick: boolean;
}

/** The part of an environment that is the same before and after a run. */
export type Circumstances = Pick<
  Environment,
  "versions" | "rounds" | "freshProcesses" | "durationMs" | "coresAwake" | "quick"
>;

/** Records the date and the load, and returns a function that completes the environment after the run. */
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

/** The load average of the last minute. */
export function loadAverage(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** The installed versions of the benchmark's own dependencies. */
export function versionsOf(packages: readonly string[]): Record<string, string> {
  return Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
}

function versionOf(name: string): string {
  const file = join(import.meta.dirname, "..", "node_modules", name, "package.json");
  return JSON.parse(readFileSync(file, "utf8")).version;
}
