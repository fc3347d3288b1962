import type { MakeStore, StoreCapabilities, StoreGroup } from "../src/index.js";
import { absent, storeSuite } from "../src/index.js";
import type { SuiteRunner } from "../src/runner.js";

/** The results of a suite. */
export interface Results {
  readonly passed: string[];
  readonly failed: { readonly name: string; readonly message: string }[];
  readonly skipped: string[];
}

/** Runs the tests that `define` defines, one after the other. */
export async function collect(define: (runner: SuiteRunner) => void): Promise<Results> {
  const tests: { name: string; fn: () => void | Promise<void> }[] = [];
  const results: Results = { passed: [], failed: [], skipped: [] };
  const path: string[] = [];
  const nameOf = (name: string) => [...path, name].join(" > ");
  define({
    describe(name, fn) {
      path.push(name);
      fn();
      path.pop();
    },
    it: Object.assign(
      (name: string, fn: () => void | Promise<void>) => {
        tests.push({ name: nameOf(name), fn });
      },
      { skip: (name: string) => results.skipped.push(nameOf(name)) },
    ),
    beforeAll() {},
    afterAll() {},
  });
  for (const { name, fn } of tests) {
    try {
      await fn();
      results.passed.push(name);
    } catch (error) {
      results.failed.push({ name, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return results;
}

const GROUPS: readonly StoreGroup[] = [
  "basics",
  "decide",
  "differential",
  "atomicity",
  "several processes",
  "races",
  "expiry",
  "clock",
  "odd keys",
  "refund, reset and block",
  "custom algorithm",
  "batching",
  "export",
  "import",
  "lifecycle",
  "failure",
];

/** The capabilities of a store that decides in this process. */
const inProcess: StoreCapabilities = {
  decides: true,
  shared: absent("each store has its own memory"),
  ownClock: absent("its clock is this process's"),
  otherProcess: absent("memory is not shared"),
  exportsEntries: true,
  importsEntries: true,
  checksHealth: absent("nothing can be down"),
  unreachable: absent("nothing can be down"),
  interruptible: absent("nothing can be down"),
};

/** Returns the other groups, to be skipped. */
export function skipAllBut(group: StoreGroup): Partial<Record<StoreGroup, string>> {
  return Object.fromEntries(GROUPS.filter((other) => other !== group).map((other) => [other, "not under test"]));
}

/** Runs one group of the suite. */
export function runGroup(
  group: StoreGroup,
  makeStore: MakeStore,
  capabilities: Partial<StoreCapabilities> = {},
): Promise<Results> {
  const all = { ...inProcess, operations: 1_500, skip: skipAllBut(group), ...capabilities };
  return collect((runner) => storeSuite(runner, makeStore, all));
}
