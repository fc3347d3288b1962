/**
 * The parts of a test runner that the suites use. `node:test`, Vitest, Jest and Mocha all have them; assertions are
 * `node:assert`'s.
 *
 * @example
 * ```ts
 * import { after, before, describe, it } from "node:test";
 * import type { SuiteRunner } from "@sluice/testkit";
 *
 * const runner: SuiteRunner = {
 *   describe,
 *   it: (name, fn, timeoutMs) => it(name, { timeout: timeoutMs ?? 30_000 }, fn),
 *   beforeAll: before,
 *   afterAll: after,
 * };
 * ```
 */
export interface SuiteRunner {
  /** Groups tests. */
  describe(name: string, fn: () => void): void;
  /** Defines a test; `timeoutMs` is the longest it may take, where that is more than the runner's own default. */
  it(name: string, fn: () => void | Promise<void>, timeoutMs?: number): void;
  /** Runs before the tests of the group. */
  beforeAll(fn: () => void | Promise<void>): void;
  /** Runs after the tests of the group. */
  afterAll(fn: () => void | Promise<void>): void;
}
