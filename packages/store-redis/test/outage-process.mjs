// An app whose Redis is down when it starts. It decides until the store has answered, or a fixed number of times, and
// closes under load. It prints the sources in order, unanswered calls, and unhandled errors.
import { createLimiter, fixedWindow } from "@sluice/core";
import { redisStore } from "@sluice/store-redis";
import { modelStore } from "@sluice/testkit";
import { Redis } from "ioredis";

const [port, fails, recovers, order] = process.argv.slice(2);
const unhandled = [];
for (const event of ["unhandledRejection", "uncaughtException"]) {
  process.on(event, (error) => unhandled.push(`${event}: ${error}`));
}
const client = new Redis({ port: Number(port), maxRetriesPerRequest: 0, retryStrategy: () => 50 });
const store = redisStore({ client });
const events = [];
const limiter = createLimiter({
  store,
  policies: fixedWindow({ limit: 5, window: "1h" }),
  timeout: 200,
  ...(fails === "fallback" && { fallback: modelStore() }),
  on: { storeError: () => events.push("storeError"), storeRecovered: () => events.push("storeRecovered") },
});

const seen = new Set();
for (let i = 0; i < 40 || (recovers === "yes" && !seen.has("cache")); i++) {
  seen.add((await limiter.consume("somebody")).source);
  if (i === 20) console.log("started");
  await new Promise((resolve) => setTimeout(resolve, 5));
}

const load = Array.from({ length: 50 }, (_, i) => limiter.consume(i % 2 ? "somebody" : `key-${i}`));
const steps = { limiter: () => limiter.close(), store: () => store.close(), client: () => client.disconnect() };
for (const step of order.split(",")) {
  await steps[step]();
  load.push(limiter.consume("late"), limiter.reset("late"), limiter.block("late", "1m"));
}
const ended = await Promise.race([
  Promise.allSettled(load).then((all) => all.filter(({ reason }) => reason && !reason.code).map(String)),
  new Promise((resolve) => setTimeout(resolve, 5_000, "unanswered").unref()),
]);
await new Promise((resolve) => setTimeout(resolve, 300));
console.log(JSON.stringify({ seen: [...seen], ended, unhandled, events }));
