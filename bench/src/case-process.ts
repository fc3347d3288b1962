// The process of one case. It measures on request, and ends on request or when its parent has ended.
import type { CaseOrder, CaseReply, CaseRequest } from "./case-message.js";
import type { Runner } from "./suite.js";
import { suites } from "./suites/index.js";

const order: CaseOrder = JSON.parse(process.argv[2] ?? "{}");
let runner: Runner | undefined;

function reply(message: CaseReply): void {
  process.send?.(message);
}

async function stop(): Promise<void> {
  // Exits in an orderly way, since a CPU profile is written on exit.
  setTimeout(() => process.exit(1), 2_000).unref();
  await runner?.stop?.();
  process.exit(0);
}

async function answer(work: () => Promise<CaseReply>): Promise<void> {
  try {
    reply(await work());
  } catch (error) {
    reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

// Ctrl-C in a terminal reaches every process. The parent decides when to end.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => void stop());
process.on("disconnect", () => void stop());
process.on("message", (request: CaseRequest) => {
  if (request === "stop") void stop();
  else {
    void answer(async () => ({ values: [await (runner as Runner).run()].flat() }));
  }
});

void answer(async () => {
  const suite = await suites[order.suite]?.();
  const found = suite?.cases.find(({ id }) => id === order.id);
  if (found === undefined) throw new Error(`there is no case ${order.id} in the suite ${order.suite}`);
  runner = await found.start(order.settings);
  return { ready: true };
});
