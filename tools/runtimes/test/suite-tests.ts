import { afterAll, describe, expect, it } from "vitest";
import type { RemoteResult, RemoteTest } from "../fixtures/suites.js";
import type { Running, Runtime } from "./runtime.js";

/**
 * Defines a local test for each test of the suites. It runs inside the runtime, with the runtime's app, middleware and
 * `fetch`.
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
    it("caused no error, and logged only the expected warnings", () => {
      expect(running.complaints()).toBe("");
    });
  });
}

interface LocalTest extends RemoteTest {
  readonly run: () => Promise<void>;
}

/** Defines nested groups. The tests of one group must be consecutive. */
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
