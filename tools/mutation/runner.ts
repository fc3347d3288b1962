import { it, TestRunner } from "vitest";

/**
 * Vitest's own runner, in which a test file that does not load has a test that fails. Stryker sees only tests, and would
 * take code whose modules no longer load for code that passes (stryker-mutator/stryker-js, issue 6150).
 */
export default class extends TestRunner {
  override async importFile(...args: Parameters<TestRunner["importFile"]>): Promise<unknown> {
    try {
      return await super.importFile(...args);
    } catch (error) {
      if (args[1] !== "collect") throw error;
      return it("loads", () => {
        throw error;
      });
    }
  }
}
