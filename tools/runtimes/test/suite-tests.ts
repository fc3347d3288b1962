import { afterAll, describe, expect, it } from "vitest";
import type { RemoteResult, RemoteTest } from "../fixtures/suites.js";
import type { Running, Runtime } from "./runtime.js";

/**
 * Defines the suite's tests here as they are in a runtime, where each of them runs: app, middleware and `fetch` are the
 * runtime's own.
 */
export async function suiteTests(runtime: Runtime): Promise<void> {
  const running = await runtime.start("suites");
  const tests: RemoteTest[] = await (await fetch(running.url)).json();
  describe(runtime.name, () => {
    afterAll(() => running.stop());
    inGroups(
      tests.map((test, i) => ({ ...test, run: () => run(running, i) })),
      0,
    );
    it("lost no error, and logged only the expected warnings", () => {
      expect(running.complaints()).toBe("");
    });
  });
}

interface LocalTest extends RemoteTest {
  readonly run: () => Promise<void>;
}

/** Tests of one group come one after the other. */
function inGroups(tests: readonly LocalTest[], depth: number): void {
  let i = 0;
  while (i < tests.length) {
    const { path, skipped, run } = tests[i] as LocalTest;
    const name = path[depth] as string;
    if (depth === path.length - 1) {
      if (skipped) it.skip(name);
      else it(name, run);
      i++;
    } else {
      const rest = tests.slice(i);
      const end = rest.findIndex((other) => other.path[depth] !== name);
      const group = end === -1 ? rest : rest.slice(0, end);
      describe(name, () => inGroups(group, depth + 1));
      i += group.length;
    }
  }
}

async function run(running: Running, test: number): Promise<void> {
  const response = await fetch(`${running.url}/${test}`, { method: "POST" });
  if (!response.ok) throw new Error(await response.text());
  const { failure } = (await response.json()) as RemoteResult;
  if (failure !== undefined) throw new Error(`${failure}\n${running.complaints()}`);
}
