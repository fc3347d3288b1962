// One process of races.test.ts. Its callers send requests for random keys as fast as they can.
import { createLimiter, fixedWindow } from "@sluice/core";
import { createSchema, sqliteStore } from "@sluice/store-sqlite";
import { openClient } from "./clients.mjs";

const { kind, file, prefix, keys, limit, callers, calls, migrates = false } = JSON.parse(process.argv[2] ?? "");
const client = await openClient(kind, file);
if (migrates) await createSchema(client);
const limiter = createLimiter({
  store: sqliteStore({ client, sweepEvery: 20 }),
  prefix,
  policies: [fixedWindow({ name: "one", limit, window: "1d" }), fixedWindow({ name: "two", limit, window: "1d" })],
  timeout: "20s",
});
const random = () => String(Math.floor(Math.random() * keys));

await limiter.peek("connected");
process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));

/** @type {Record<string, number>} the number of grants by policy and key */
const granted = {};
/** @param {string} key */
const count = (key) => {
  granted[key] = (granted[key] ?? 0) + 1;
};
await Promise.all(
  Array.from({ length: callers }, async () => {
    for (let i = 0; i < calls; i++) {
      const [one, two] = [random(), random()];
      const { allowed, error } = await limiter.consume({ one, two });
      if (error !== undefined) throw error;
      if (!allowed) continue;
      count(`one ${one}`);
      count(`two ${two}`);
    }
  }),
);
client.close();
process.send?.(granted, () => process.exit());
