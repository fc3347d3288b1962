import { deepStrictEqual, ok } from "node:assert/strict";
import { overAdmissions } from "../history/over-admissions.js";
import type { RecordedCall } from "../history/recorded-call.js";
import { ALGORITHMS } from "../policies.js";
import { seedOfRun } from "../random.js";
import type { RaceReport, RaceTask } from "./process-message.js";
import { race, racePolicies } from "./race.js";
import { racingProcesses } from "./racing-processes.js";
import type { SuiteContext } from "./suite-context.js";

const HANDLES = 4;
const PROCESSES = 4;

/** Even with refunds and resets, no window ever contains more than its policy allows. */
export function racesGroup({ test, testWith, capabilities: { otherProcess } }: SuiteContext): void {
  const seed = seedOfRun();

  for (const algorithm of ALGORITHMS) {
    test(`callers race for ${algorithm} with refunds and resets, seed ${seed}`, async ({ openSeveral, prefix }) => {
      const stores = await openSeveral(HANDLES);
      const histories = await Promise.all(stores.map((store, i) => race(store, prefix, algorithm, seed + i)));
      check(algorithm, histories.flat());
    });
  }

  testWith(
    otherProcess,
    `${PROCESSES} processes race for every algorithm with refunds and resets, seed ${seed}`,
    async ({ prefix }, { module, setting }) => {
      const tasks = Array.from({ length: PROCESSES }, (_, i): RaceTask => {
        return { module: module.href, setting: setting?.(), prefix, seed: seed + i };
      });
      const reports = await racingProcesses<RaceReport>(new URL("./races-process.js", import.meta.url), tasks);
      for (const algorithm of ALGORITHMS)
        check(
          algorithm,
          reports.flatMap((report) => historyIn(report, algorithm)),
        );
    },
  );
}

function check(algorithm: string, history: readonly RecordedCall[]): void {
  ok(
    history.some((call) => call.kind === "consume" && !call.allowed),
    "the race must use up its limits, or it proves nothing",
  );
  deepStrictEqual(overAdmissions(racePolicies(algorithm), history), []);
}

function historyIn(report: RaceReport, algorithm: string): readonly RecordedCall[] {
  if (typeof report === "object" && "histories" in report) return report.histories[algorithm] ?? [];
  throw new Error(typeof report === "object" ? report.failed : `unexpected report: ${report}`);
}
