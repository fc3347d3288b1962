import { it, TestRunner } from "vitest";

/**
 * Vitest's runner, except that a test file that does not load counts as a failed test. Stryker sees only tests, so it
 * would count code that no longer loads as passing (stryker-mutator/stryker-js, issue 6150).
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
