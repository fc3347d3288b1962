// The process that runs autocannon, so that it does not share an event loop with the app. It ends with its parent.
import autocannon from "autocannon";
import type { AutocannonOrder, AutocannonReply } from "./autocannon.js";
import { CONNECTIONS } from "./generator.js";

process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));
process.on("message", async ({ url, durationS }: AutocannonOrder) => {
  const startMs = performance.now();
  const { requests, non2xx, errors, timeouts } = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: durationS,
  });
  process.send?.({
    requests: requests.total,
    durationS: (performance.now() - startMs) / 1_000,
    failed: non2xx + errors + timeouts,
  } satisfies AutocannonReply);
});
