// Runs on Bun. Uses the store through Bun's own SQL client, and prints the results. Argument: the database.
import { createLimiter, fixedWindow } from "@sluice/core";
import { createSchema, postgresStore } from "@sluice/store-postgres";
import { SQL } from "bun";

const client = new SQL(process.argv[2]);
await createSchema(client);
const store = postgresStore({ client });
const policies = fixedWindow({ limit: 10, window: "1h" });
const limiter = createLimiter({ store, prefix: "bun", timeout: 5_000, policies });
const decisions = await Promise.all(Array.from({ length: 12 }, () => limiter.consume("somebody")));
const refunded = await limiter.refund(decisions[0]);
await limiter.block("other", "1h");
const blocked = await limiter.allow("other");
await limiter.reset("other");
const reset = await limiter.allow("other");
let exported = 0;
for await (const _ of store.exportEntries()) exported++;
const missing = await postgresStore({ client, table: "missing" })
  .healthCheck()
  .catch(({ code }) => code);
console.log(
  JSON.stringify({
    allowed: decisions.map(({ allowed }) => allowed),
    sources: [...new Set(decisions.map(({ source }) => source))],
    refunded,
    blocked,
    reset,
    exported,
    missing,
  }),
);
await client.end();
