import { deepStrictEqual, equal, ok } from "node:assert/strict";
import type { StoreModule } from "../store/capabilities.js";
import { racingProcesses } from "../store/racing-processes.js";
import type { ProtectionReport, ProtectionTask } from "./process-message.js";
import type { ProtectionContext } from "./protection-context.js";
import { PATIENT } from "./protections.js";

const PROCESSES = 8;
const COUNT = 5;

/** Only one of several concurrent processes sees a request first, and nothing that they write is lost. */
export function protectionProcessesGroup(
  { test, protections: { createBlocklist, createRegistry } }: ProtectionContext,
  { module, setting }: StoreModule,
): void {
  test(`${PROCESSES} processes: only one sees each request first, and no block or update is lost`, async ({
    open,
    prefix,
  }) => {
    const shared = { store: await open(), prefix, timeout: PATIENT };
    const clients = createRegistry(shared);
    await clients.ensure("counter");
    const base = { module: module.href, setting: setting?.(), prefix, count: COUNT };
    const reports = await racingProcesses<ProtectionReport>(
      new URL("./process.js", import.meta.url),
      Array.from({ length: PROCESSES }, (_, own): ProtectionTask => ({ ...base, process: own })),
    );
    equal(
      reports.reduce((sum, report) => sum + firstSightsIn(report), 0),
      COUNT,
    );

    const pairs = Array.from({ length: PROCESSES * COUNT }, (_, n) => [Math.floor(n / COUNT), n % COUNT] as const);
    const blocklist = createBlocklist(shared);
    const found = await Promise.all(pairs.map(([own, i]) => blocklist.findBlock(`10.${own}.${i}.7`)));
    deepStrictEqual(
      found.map((entry) => entry?.key),
      pairs.map(([own, i]) => `10.${own}.${i}.0/24`),
    );
    const block = await blocklist.findBlock("ann");
    const lastsMs = Number(block?.untilMs) - Number(block?.sinceMs);
    ok(lastsMs >= 60_000 * pairs.length, `the longest block must win, but the block lasts ${lastsMs} ms`);
    const { fields = {} } = (await clients.get("ann")) ?? {};
    deepStrictEqual(fields, Object.fromEntries(pairs.map(([own, i]) => [`field-${own}-${i}`, i])));
    deepStrictEqual((await clients.get("counter"))?.fields, { count: pairs.length });
  });
}

function firstSightsIn(report: ProtectionReport): number {
  if (typeof report === "object" && "firstSights" in report) return report.firstSights;
  throw new Error(typeof report === "object" ? report.failed : `unexpected report: ${report}`);
}
