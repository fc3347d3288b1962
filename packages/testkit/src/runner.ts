/**
 * The parts of a test runner that the suites use. Vitest, Jest, Mocha and `node:test` have all of them, but Mocha and
 * `node:test` name the last two `before` and `after`. Assertions are those of `node:assert`.
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
  /** Defines a test. `timeoutMs` is its time limit if it is longer than the runner's default. */
  (name: string, fn: () => void | Promise<void>, timeoutMs?: number): unknown;
  /** Reports a test that does not run, with the reason in its name. */
  readonly skip: (name: string, fn: () => void) => unknown;
}
