import { setMaxListeners } from "node:events";
import { writeFileSync } from "node:fs";
import { loadAverage } from "./environment.js";
import { type Options, optionsOf, usage } from "./options.js";
import type { Report } from "./report.js";
import { runSuite } from "./run-suite.js";
import type { Suite } from "./suite.js";
import { suites } from "./suites/index.js";
import { tableOf } from "./table.js";

/** The highest load average of a quiet machine. */
const QUIET_LOAD = 0.5;
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
const names = Object.keys(suites);
const interruption = new AbortController();
// Each process of a case adds a listener.
setMaxListeners(0, interruption.signal);
for (const [signal, exitCode] of Object.entries(exitCodes)) {
  process.on(signal, () => {
    process.exitCode = exitCode;
    // Ends the case that runs. Then everything is closed in order.
    interruption.abort(new Error(`ended by ${signal}`));
  });
}

try {
  await main();
} catch (error) {
  if (!interruption.signal.aborted) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return;
  if (loadAverage() > QUIET_LOAD) console.error(`The load average is ${loadAverage()}: expect noise.`);
  const reports: Report[] = [];
  for (const name of options.suites) {
    const suite = await (suites[name] as () => Promise<Suite>)();
    const progress = (text: string): void => console.error(`${name}: ${text}`);
    const report = await runSuite(suite, options, interruption.signal, progress);
    console.log(`\n${tableOf(report)}`);
    reports.push(report);
  }
  if (options.jsonFile !== undefined) {
    const content = reports.length === 1 ? reports[0] : reports;
    writeFileSync(options.jsonFile, `${JSON.stringify(content, null, 2)}\n`);
  }
}

function readOptions(): Options | undefined {
  try {
    return optionsOf(process.argv.slice(2), names);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage(names)}`);
    process.exitCode = 2;
    return undefined;
  }
}
