// Type tests: the functions of common runners form a SuiteRunner.
import * as node from "node:test";
import * as vitest from "vitest";
import type { SuiteRunner } from "../src/index.js";

export const ofVitest: SuiteRunner = vitest;
export const ofNode: SuiteRunner = {
  describe: node.describe,
  it: node.it,
  beforeAll: node.before,
  afterAll: node.after,
};
// @ts-expect-error a runner without a way to skip would hide untested capabilities
export const withoutSkip: SuiteRunner = { ...vitest, it: (name: string, fn: () => void) => vitest.it(name, fn) };
