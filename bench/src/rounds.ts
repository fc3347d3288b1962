import { type CaseProcess, startCase } from "./case-child.js";
import type { Case, RowName, Settings, Suite } from "./suite.js";

/** The settings for measuring a suite. */
export interface RoundsOptions {
  readonly settings: Settings;
  readonly rounds: number;
  readonly cases: readonly Case[];
  /** The folder for the CPU profile of each case's process. */
  readonly profileFolder: string | undefined;
  readonly signal: AbortSignal;
  progress(text: string): void;
}

/** All measurements of each row by its id, in order of time: measurements with the same index are of the same round. */
export type Measurements = ReadonlyMap<string, readonly number[]>;

/**
 * Measures the cases in rounds, so that a slow phase of the machine affects all of them. Each round measures every case
 * once, and starts with a different case than the round before. Only one case runs at a time. The processes of the
 * others wait, or have not been started.
 */
export async function measure(suite: Suite, options: RoundsOptions): Promise<Measurements> {
  const { settings, rounds, profileFolder, signal, progress } = options;
  const measurements = new Map<string, number[]>(options.cases.flatMap(rowNamesOf).map(({ id }) => [id, []]));
  const keep = (one: Case, values: readonly number[]): void => {
    for (const [i, { id }] of rowNamesOf(one).entries()) measurements.get(id)?.push(values[i] as number);
  };
  const started: CaseProcess[] = [];
  const start = async ({ id }: Case): Promise<CaseProcess> => {
    signal.throwIfAborted();
    const process = await startCase(
      { suite: suite.name, id, settings },
      { execPath: suite.execPath, profileFolder, signal },
    );
    started.push(process);
    return process;
  };
  const warmedUp = async (one: Case): Promise<CaseProcess> => {
    const process = await start(one);
    await process.run();
    return process;
  };
  try {
    const inRounds = options.cases.filter(({ once }) => once !== true);
    const waiting = new Map<string, CaseProcess>();
    for (const one of suite.freshProcesses === true ? [] : inRounds) {
      progress(`warm-up: ${one.name}`);
      waiting.set(one.id, await warmedUp(one));
    }
    for (let round = 0; round < rounds; round++) {
      progress(`round ${round + 1} of ${rounds}`);
      for (const one of rotated(inRounds, round)) {
        const process = waiting.get(one.id) ?? (await warmedUp(one));
        keep(one, await process.run());
        if (!waiting.has(one.id)) await process.stop();
      }
    }
    for (const one of options.cases.filter(({ once }) => once === true)) {
      progress(`once: ${one.name}`);
      const process = await start(one);
      keep(one, await process.run());
      await process.stop();
    }
    return measurements;
  } finally {
    await Promise.all(started.map((process) => process.stop()));
  }
}

/** The rows of a case. */
export function rowNamesOf(one: Case): readonly RowName[] {
  return [one, ...(one.also ?? [])];
}

/** Rotates items: they stay in the same order, but start with another one. */
export function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const first = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
