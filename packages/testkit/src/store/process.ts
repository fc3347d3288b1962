// A process of the group `several processes`. It opens a store, waits for the start, and then its callers make their calls.
import { createLimiter, type MaybePromise, policyFrom, type Store } from "@sluice/core";
import type { Report, Task } from "./process-message.js";

const task = JSON.parse(process.argv[2] ?? "") as Task;

// Emitted when the parent has ended.
process.once("disconnect", () => process.exit());

function send(report: Report): Promise<void> {
  return new Promise((resolve) => process.send?.(report, () => resolve()));
}

async function run(): Promise<Report> {
  const { makeStore } = (await import(task.module)) as { makeStore(setting?: string): MaybePromise<Store> };
  const store = await makeStore(task.setting);
  const { prefix, policies, callers, calls } = task;
  const limiter = createLimiter({
    store,
    prefix,
    policies: policies.map(policyFrom),
    timeout: "20s",
    denyCache: false,
  });
  const start = new Promise((resolve) => process.once("message", resolve));
  // Connects before the start.
  await limiter.peek("shared");
  await send("ready");
  await start;
  let admitted = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let i = 0; i < calls; i++) {
        const { allowed, error } = await limiter.consume("shared");
        if (error !== undefined) throw error;
        if (allowed) admitted++;
      }
    }),
  );
  await store.close();
  return { admitted };
}

await send(await run().catch((error: unknown) => ({ failed: String(error) })));
// Ends the process, since the module's client may still be connected.
process.exit();
