// Runs on Bun. Limits with Bun's client on the server at the given port, and prints the decisions.
import { createLimiter, fixedWindow } from "@sluice/core";
import { redisStore } from "@sluice/store-redis";
import { RedisClient } from "bun";

const client = new RedisClient(`redis://127.0.0.1:${process.argv[2]}`);
const store = redisStore({ client });
const limiter = createLimiter({ store, policies: fixedWindow({ limit: 10, window: "1h" }), timeout: "10s" });
const decisions = await Promise.all(Array.from({ length: 15 }, () => limiter.consume("somebody")));
const refunded = await limiter.refund(decisions[0]);
await limiter.block("other", "1m");
const blocked = !(await limiter.consume("other")).allowed;
await limiter.reset("other");
const listed = [];
for await (const { key } of store.exportEntries()) listed.push(key);
console.log(
  JSON.stringify({
    sources: [...new Set(decisions.map(({ source }) => source))],
    allowed: decisions.filter(({ allowed }) => allowed).length,
    refunded,
    blocked,
    listed,
  }),
);
client.close();
