// Charges one unit after the other, and reports each charge, until it is killed.
import { createLimiter, fixedWindow } from "@sluice/core";
import { sqliteStore } from "@sluice/store-sqlite";
import { openClient } from "./clients.mjs";

const [kind = "", file = "", callers = ""] = process.argv.slice(2);
const limiter = createLimiter({
  store: sqliteStore({ client: await openClient(kind, file) }),
  prefix: "killed",
  policies: fixedWindow({ limit: 1_000_000, window: "1d" }),
  timeout: "20s",
});
for (let caller = 0; caller < Number(callers); caller++) {
  void (async () => {
    for (;;) {
      const { allowed, error } = await limiter.consume("somebody");
      if (!allowed) throw error ?? new Error("denied");
      // Waits until the other process has received the message.
      await new Promise((resolve) => process.send?.("charged", resolve));
    }
  })();
}
