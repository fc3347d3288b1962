import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { type Demo, startDemo } from "../demo.js";

/**
 * Starts a demo app for the tests of one file, which sees `inherited` and the variables that a test adds; on a free
 * port, unless the test says otherwise. A demo that still runs after a test is killed.
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
