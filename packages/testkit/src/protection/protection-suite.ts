import type { SuiteRunner } from "../runner.js";
import { isAbsent, type MakeStore } from "../store/capabilities.js";
import { createContext } from "../store/suite-context.js";
import { blocklistGroup } from "./blocklist.js";
import { debounceGroup } from "./debounce.js";
import { protectionProcessesGroup } from "./processes.js";
import type { ProtectionCapabilities } from "./protection-context.js";
import type { Protections } from "./protections.js";
import { registryGroup } from "./registry.js";

/**
 * Defines the tests that debouncers, blocklists and client registries pass on every store. Each test uses keys that no
 * other test or run uses.
 *
 * @param runner the test runner's functions
 * @param makeStore creates a new handle on the backend under test; called several times
 * @param protections the functions that create protections: those of `@sluice/protections`, or custom ones
 * @param capabilities the capabilities of the store, and the reasons for those that it lacks
 *
 * @example
 * ```ts
 * import * as protections from "@sluice/protections";
 * import { absent, modelStore, protectionSuite } from "@sluice/testkit";
 * import { afterAll, beforeAll, describe, it } from "vitest";
 *
 * protectionSuite({ describe, it, beforeAll, afterAll }, modelStore, protections, {
 *   shared: absent("each store has its own memory"),
 *   otherProcess: absent("memory is not shared"),
 *   exportsEntries: true,
 * });
 * ```
 */
export function protectionSuite(
  runner: SuiteRunner,
  makeStore: MakeStore,
  protections: Protections,
  capabilities: ProtectionCapabilities,
): void {
  const context = { ...createContext(runner, makeStore, capabilities), protections };
  runner.describe("debounce", () => debounceGroup(context));
  runner.describe("blocklist", () => blocklistGroup(context));
  runner.describe("registry", () => registryGroup(context));
  runner.describe("protections in several processes", () => {
    const { otherProcess } = capabilities;
    if (isAbsent(otherProcess)) runner.it.skip(`all of it (skipped: ${otherProcess.absent})`, () => {});
    else protectionProcessesGroup(context, otherProcess);
  });
}
