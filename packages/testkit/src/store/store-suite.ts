import type { SuiteRunner } from "../runner.js";
import { atomicityGroup } from "./atomicity.js";
import { basicsGroup } from "./basics.js";
import { batchingGroup } from "./batching.js";
import { isAbsent, type MakeStore, type StoreCapabilities, type StoreGroup } from "./capabilities.js";
import { clockGroup } from "./clock.js";
import { customAlgorithmGroup } from "./custom-algorithm.js";
import { decideGroup } from "./decide.js";
import { differentialGroup } from "./differential.js";
import { expiryGroup } from "./expiry.js";
import { exportGroup } from "./export.js";
import { failureGroup } from "./failure.js";
import { importGroup } from "./import.js";
import { lifecycleGroup } from "./lifecycle.js";
import { oddKeysGroup } from "./odd-keys.js";
import { processesGroup } from "./processes.js";
import { racesGroup } from "./races.js";
import { refundsGroup } from "./refunds.js";
import { createContext, type SuiteContext } from "./suite-context.js";

const GROUPS: Readonly<Record<StoreGroup, (context: SuiteContext) => void>> = {
  basics: basicsGroup,
  decide: decideGroup,
  differential: differentialGroup,
  atomicity: atomicityGroup,
  "several processes": processesGroup,
  races: racesGroup,
  expiry: expiryGroup,
  clock: clockGroup,
  "odd keys": oddKeysGroup,
  "refund, reset and block": refundsGroup,
  "custom algorithm": customAlgorithmGroup,
  batching: batchingGroup,
  export: exportGroup,
  import: importGroup,
  lifecycle: lifecycleGroup,
  failure: failureGroup,
};

/** Groups that test a single capability. */
const NEEDS = {
  decide: "decides",
  "several processes": "otherProcess",
  export: "exportsEntries",
  import: "importsEntries",
} as const;

/** The reason why a group is skipped. */
function reasonToSkip(group: StoreGroup, capabilities: StoreCapabilities): string | undefined {
  const needed = group in NEEDS ? capabilities[NEEDS[group as keyof typeof NEEDS]] : undefined;
  return capabilities.skip?.[group] ?? (isAbsent(needed) ? needed.absent : undefined);
}

/**
 * Defines the tests that every store of Sluice passes. Each test opens new handles with `makeStore` and closes them. It
 * uses keys that no other test or run uses, so the backend may be shared and need not be empty.
 *
 * @param runner the test runner's functions
 * @param makeStore creates a new handle on the backend under test; called several times
 * @param capabilities the capabilities of the store, and the reasons for missing ones, which the test report shows
 *
 * @example
 * ```ts
 * import { afterAll, beforeAll, describe, it } from "vitest";
 * import { absent, modelStore, storeSuite } from "@sluice/testkit";
 *
 * storeSuite({ describe, it, beforeAll, afterAll }, modelStore, {
 *   decides: true,
 *   shared: absent("each store has its own memory"),
 *   ownClock: absent("its clock is this process's"),
 *   otherProcess: absent("memory is not shared"),
 *   exportsEntries: true,
 *   importsEntries: true,
 *   checksHealth: absent("nothing can be down"),
 *   unreachable: absent("nothing can be down"),
 *   interruptible: absent("nothing can be down"),
 * });
 * ```
 */
export function storeSuite(runner: SuiteRunner, makeStore: MakeStore, capabilities: StoreCapabilities): void {
  const context = createContext(runner, makeStore, capabilities);
  for (const [name, define] of Object.entries(GROUPS) as [StoreGroup, (typeof GROUPS)[StoreGroup]][]) {
    const reason = reasonToSkip(name, capabilities);
    runner.describe(name, () => {
      if (reason === undefined) define(context);
      else runner.it.skip(`all of it (skipped: ${reason})`, () => {});
    });
  }
}
