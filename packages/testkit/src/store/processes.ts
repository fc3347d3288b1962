import { deepStrictEqual, equal } from "node:assert/strict";
import { createLimiter, type Policy } from "@sluice/core";
import { LONG_MS, policyOf } from "../policies.js";
import type { StoreModule } from "./capabilities.js";
import type { Report, Task } from "./process-message.js";
import { racingProcesses } from "./racing-processes.js";
import type { SuiteContext } from "./suite-context.js";

const PROCESSES = 8;
const CALLERS = 50;
const CALLS = 5;

/** With several concurrent processes, exactly the limit is admitted. */
export function processesGroup({ testWith, capabilities: { otherProcess } }: SuiteContext): void {
  testWith(
    otherProcess,
    `${PROCESSES} processes with ${CALLERS} callers each share 1000 units`,
    async ({ prefix }, module) => {
      const policies = [policyOf("token-bucket", 1_000, LONG_MS)];
      equal(await race(module, prefix, policies), 1_000);
    },
  );

  testWith(
    otherProcess,
    `${PROCESSES} processes and three policies: exactly what all allow is granted and charged`,
    async ({ open, prefix }, module) => {
      const policies = [
        policyOf("token-bucket", 1_000, LONG_MS, "first"),
        policyOf("fixed-window", 600, LONG_MS, "second"),
        policyOf("sliding-window", 800, LONG_MS, "third"),
      ];
      equal(await race(module, prefix, policies), 600);
      const { policies: found } = await createLimiter({ store: await open(), prefix, policies }).peek("shared");
      deepStrictEqual(
        found.map(({ remaining }) => remaining),
        [400, 0, 200],
      );
    },
  );
}

/** Returns the number of granted calls of all processes together. */
async function race({ module, setting }: StoreModule, prefix: string, policies: readonly Policy[]): Promise<number> {
  const task: Task = {
    module: module.href,
    setting: setting?.(),
    prefix,
    policies,
    callers: CALLERS,
    calls: CALLS,
  };
  const tasks = new Array<Task>(PROCESSES).fill(task);
  const reports = await racingProcesses<Report>(new URL("./process.js", import.meta.url), tasks);
  return reports.reduce((sum, report) => sum + admittedIn(report), 0);
}

function admittedIn(report: Report): number {
  if (typeof report === "object" && "admitted" in report) return report.admitted;
  throw new Error(typeof report === "object" ? report.failed : `unexpected report: ${report}`);
}
