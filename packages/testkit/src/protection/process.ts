// A process of the group `protections in several processes`.
import type { MaybePromise, Store } from "@sluice/core";
import type { ProtectionReport, ProtectionTask } from "./process-message.js";
import { PATIENT, type Protections } from "./protections.js";

const task = JSON.parse(process.argv[2] ?? "") as ProtectionTask;

// Emitted when the parent has ended.
process.once("disconnect", () => process.exit());

function send(report: ProtectionReport): Promise<void> {
  return new Promise((resolve) => process.send?.(report, () => resolve()));
}

interface StoreAndProtections {
  readonly protections: Protections;
  makeStore(setting?: string): MaybePromise<Store>;
}

async function run(): Promise<ProtectionReport> {
  const { prefix, process: own, count } = task;
  const { protections, makeStore } = (await import(task.module)) as StoreAndProtections;
  const store = await makeStore(task.setting);
  const shared = { store, prefix, timeout: PATIENT };
  const debouncer = protections.createDebouncer({ ...shared, window: "1h" });
  const blocklist = protections.createBlocklist(shared);
  const clients = protections.createRegistry(shared);
  const start = new Promise((resolve) => process.once("message", resolve));
  // Connects before the start.
  await clients.get("nobody");
  await send("ready");
  await start;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const [seen] = await Promise.all([
    Promise.all(numbers.map((i) => debouncer.seen("ann", String(i)))),
    ...numbers.flatMap((i): Promise<unknown>[] => [
      blocklist.block(`10.${own}.${i}.0/24`),
      blocklist.block("ann", { for: 60_000 * (1 + own * count + i) }),
      clients.register("ann", { [`field-${own}-${i}`]: i }),
    ]),
  ]);
  for (const _ of numbers) await clients.update("counter", ({ count: n = 0 }) => ({ count: Number(n) + 1 }));
  await store.close();
  return { firstSights: seen.filter((duplicate) => !duplicate).length };
}

await send(await run().catch((error: unknown) => ({ failed: String(error) })));
// Ends the process, since the module's client may still be connected.
process.exit();
