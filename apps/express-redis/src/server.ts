// One of the two server processes. Listens on PORT and sends its address to its parent.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { decisionOf, fixedWindow, rateLimit } from "@sluice/express";
import { redisStore } from "@sluice/store-redis";
import express from "express";
import { Redis } from "ioredis";

const { PORT = "", REDIS_URL = "" } = process.env;
const policy = fixedWindow({ limit: 10, window: "10s" });

// The settings recommended by the README of @sluice/store-redis.
const client = new Redis(REDIS_URL, {
  connectTimeout: 1_000,
  socketTimeout: 1_000,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  reconnectOnError: (error) => error.message.includes("READONLY"),
});

const app = express();
app.use(
  rateLimit(redisStore({ client }), policy, {
    prefix: "sluice-demo",
    on: {
      storeError: () =>
        console.error(`Redis does not answer at ${new URL(REDIS_URL).host}: requests get 503 until it does`),
      storeRecovered: () => console.error("Redis answers again"),
    },
  }),
);
app.get("/", (req, res) => {
  res.type("text").send(`Hello from process ${process.pid}. ${decisionOf(req)?.remaining} of ${policy.limit} left.\n`);
});

const server = createServer(app);

server.on("error", (error: NodeJS.ErrnoException) => {
  console.error(
    error.code === "EADDRINUSE"
      ? `Port ${PORT} is in use. Stop the program that uses it, or choose other ports with PORT`
      : `Can't listen on port ${PORT}: ${error.message}`,
  );
  process.exitCode = 1;
  stop();
});

server.listen(Number(PORT), () => {
  process.send?.(`http://localhost:${(server.address() as AddressInfo).port}/`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
// Emitted when the parent has ended.
process.once("disconnect", stop);

function stop(): void {
  server.close();
  server.closeAllConnections();
  client.disconnect();
  if (process.connected) process.disconnect();
}
