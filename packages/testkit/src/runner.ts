/**
 * The parts of a test runner that the suites use. Vitest, Jest, Mocha and `node:test` all have them, the last two under
 * the names `before` and `after`; assertions are `node:assert`'s.
 *
 * @example
 * ```ts
 * import { after, before, describe, it } from "node:test";
 * import type { SuiteRunner } from "@sluice/testkit";
 *
 * const runner: SuiteRunner = { describe, it, beforeAll: before, afterAll: after };
 * ```
 */
export interface SuiteRunner {
  /** Groups tests. */
  readonly describe: (name: string, fn: () => void) => unknown;
  readonly it: DefineTest;
  /** Runs before the tests of the group. */
  readonly beforeAll: (fn: () => void | Promise<void>) => unknown;
  /** Runs after the tests of the group. */
  readonly afterAll: (fn: () => void | Promise<void>) => unknown;
}

/** Defines tests. */
export interface DefineTest {
  /** Defines a test; `timeoutMs` is the longest it may take, where that is more than the runner's own default. */
  (name: string, fn: () => void | Promise<void>, timeoutMs?: number): unknown;
  /** Shows a test that does not run, and in its name why. */
  readonly skip: (name: string, fn: () => void) => unknown;
}
