import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { type Demo, startDemo } from "../demo.js";

/**
 * Returns a function that starts a demo app for the tests of one file. The app sees `inherited` and the variables that
 * a test adds, and uses a free port by default. It is killed after the test if it still runs.
 */
export function demoStarter(
  main: URL,
  inherited: NodeJS.ProcessEnv = process.env,
): (env?: Readonly<Record<string, string>>) => Demo {
  const started: Demo[] = [];
  afterEach(() => {
    for (const { child } of started.splice(0)) child.kill("SIGKILL");
  });
  return (env) => {
    const demo = startDemo(fileURLToPath(main), { ...inherited, PORT: "0", ...env });
    started.push(demo);
    return demo;
  };
}
