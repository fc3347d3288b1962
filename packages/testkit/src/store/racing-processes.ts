import { deepStrictEqual } from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/**
 * Runs a script in several processes, each with a separate task as its argument in JSON. Each process reports `"ready"`,
 * gets the signal to start when all are ready, and reports a result. Returns the results. A process that ends without a
 * result is a failure.
 */
export async function racingProcesses<R>(
  script: URL,
  tasks: readonly object[],
): Promise<readonly (R | { readonly failed: string })[]> {
  // The parent's flags belong to the test runner, so children do not get them.
  const children = tasks.map((task) => fork(script, [JSON.stringify(task)], { execArgv: [] }));
  try {
    const ready = await Promise.all(children.map((child) => nextReport<R>(child)));
    deepStrictEqual(new Set<unknown>(ready), new Set(["ready"]));
    const reports = children.map((child) => nextReport<R>(child));
    for (const child of children) child.send("start");
    return await Promise.all(reports);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function nextReport<R>(child: ChildProcess): Promise<R | { readonly failed: string }> {
  const ended = new AbortController();
  const exit = once(child, "exit", { signal: ended.signal }).then(
    async ([code]) => {
      // The last message may still arrive.
      if (child.connected) await once(child, "disconnect", { signal: ended.signal });
      return { failed: `the process ended with code ${code}` };
    },
    () => ({ failed: "the process could not be started" }),
  );
  const message = once(child, "message", { signal: ended.signal }).then(([report]) => report as R);
  try {
    return await Promise.race([message, exit]);
  } finally {
    message.catch(() => {});
    ended.abort();
  }
}
