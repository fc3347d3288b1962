// A process of the group `races`. It opens a store, waits for the start, and takes part in a race for each algorithm.
import type { MaybePromise, Store } from "@sluice/core";
import type { RecordedCall } from "../history/recorded-call.js";
import { ALGORITHMS } from "../policies.js";
import type { RaceReport, RaceTask } from "./process-message.js";
import { race } from "./race.js";

const task = JSON.parse(process.argv[2] ?? "") as RaceTask;

// The parent has ended, so nobody receives a report.
process.once("disconnect", () => process.exit());

function send(report: RaceReport): Promise<void> {
  return new Promise((resolve) => process.send?.(report, () => resolve()));
}

async function run(): Promise<RaceReport> {
  const { makeStore } = (await import(task.module)) as { makeStore(setting?: string): MaybePromise<Store> };
  const store = await makeStore(task.setting);
  const start = new Promise((resolve) => process.once("message", resolve));
  // Connects before the start.
  await store.atomicUpdate(`${task.prefix}-connected`, () => undefined);
  await send("ready");
  await start;
  const histories: Record<string, readonly RecordedCall[]> = {};
  for (const algorithm of ALGORITHMS) histories[algorithm] = await race(store, task.prefix, algorithm, task.seed);
  await store.close();
  return { histories };
}

await send(await run().catch((error: unknown) => ({ failed: String(error) })));
// Ends the process, since the module's client may still be connected.
process.exit();
