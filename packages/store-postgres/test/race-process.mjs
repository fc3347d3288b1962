// One process of races.test.ts. Its callers send requests for random keys as fast as they can.
import { createLimiter, fixedWindow } from "@sluice/core";
import { postgresStore } from "@sluice/store-postgres";
import pg from "pg";

const { port, prefix, keys, limit, callers, calls } = JSON.parse(process.argv[2] ?? "");
const pool = new pg.Pool({ host: "127.0.0.1", port, user: "postgres", max: 4 });
const limiter = createLimiter({
  store: postgresStore({ client: pool }),
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
await pool.end();
process.send?.(granted, () => process.exit());
