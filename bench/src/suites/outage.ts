import { createServer } from "node:net";
import { createLimiter, type Decision, type LimiterOptions, tokenBucket } from "@sluice/core";
import { memoryStore } from "@sluice/store-memory";
import { redisStore } from "@sluice/store-redis";
import { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";
import { addresses, randomVisits } from "../keys.js";
import { HOUR_MS, HOUR_S, LIMIT } from "../limit.js";
import { cycle, sequentialRate, synchronousRate } from "../rate.js";
import type { Case, Suite } from "../suite.js";

const KEYS = 10_000;

const policies = tokenBucket({ rate: LIMIT, interval: HOUR_MS });

const visits = () => cycle(randomVisits(addresses(KEYS)));

/** A client that keeps connecting to a port on which nothing listens, like an app whose Redis is down. */
function lostClient(port: string, options: { enableOfflineQueue?: boolean } = {}): Redis {
  const client = new Redis({ host: "127.0.0.1", port: Number(port), ...options });
  // Emitted for every failed connection.
  client.on("error", () => {});
  return client;
}

/** A limiter whose circuit breaker is opened before the measurement, so that it decides synchronously. */
function outageCase(id: string, name: string, options: Partial<LimiterOptions>, source: Decision["source"]): Case {
  return {
    id,
    name,
    unit: "decisions/s",
    async start({ durationMs, context: { port = "" } }) {
      const client = lostClient(port);
      const on = { storeError: () => {} };
      const limiter = createLimiter({ store: redisStore({ client }), policies, on, ...options });
      const keys = visits();
      while ((await limiter.consume(keys())).error?.code !== "STORE_BREAKER_OPEN");
      // A decision that probes Redis is a promise.
      const isRight = (decision: ReturnType<typeof limiter.decide>): boolean =>
        decision instanceof Promise || decision.source === source;
      return {
        run: async () => synchronousRate(durationMs, keys, (key) => limiter.decide(key), isRight),
        async stop() {
          await limiter.close();
          client.disconnect();
        },
      };
    },
  };
}

const healthy: Case = {
  id: "outage.healthy",
  name: "Sluice in memory, no outage",
  unit: "decisions/s",
  async start({ durationMs }) {
    const { decide } = createLimiter({ store: memoryStore(), policies });
    const keys = visits();
    const isRight = (decision: ReturnType<typeof decide>): boolean => (decision as Decision).allowed;
    return { run: async () => synchronousRate(durationMs, keys, (key) => decide(key), isRight) };
  },
};

const insurance: Case = {
  id: "outage.rate-limiter-flexible",
  name: "rate-limiter-flexible, Redis down, insuranceLimiter in memory",
  unit: "decisions/s",
  async start({ durationMs, context: { port = "" } }) {
    const client = lostClient(port, { enableOfflineQueue: false });
    const terms = { points: LIMIT, duration: HOUR_S };
    const peer = new RateLimiterRedis({
      storeClient: client,
      ...terms,
      insuranceLimiter: new RateLimiterMemory(terms),
    });
    const keys = visits();
    return {
      run: () =>
        sequentialRate(
          durationMs,
          keys,
          (key) => peer.consume(key),
          ({ remainingPoints }) => remainingPoints > 0,
        ),
      stop: async () => client.disconnect(),
    };
  },
};

/** Returns a local port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export const outage: Suite = {
  name: "outage",
  rounds: 5,
  durationMs: 1_000,
  packages: ["ioredis", "rate-limiter-flexible"],
  cases: [
    healthy,
    outageCase("outage.sluice.open", "Sluice, Redis down, failOpen", { failOpen: true }, "failOpen"),
    outageCase("outage.sluice.closed", "Sluice, Redis down, requests denied", {}, "failClosed"),
    outageCase(
      "outage.sluice.fallback",
      "Sluice, Redis down, fallback in memory",
      { fallback: memoryStore() },
      "fallback",
    ),
    insurance,
  ],
  ratios: [
    { id: "outage.open", of: "outage.sluice.open", against: ["outage.healthy"] },
    { id: "outage.closed", of: "outage.sluice.closed", against: ["outage.healthy"] },
    { id: "outage.fallback", of: "outage.sluice.fallback", against: ["outage.healthy"] },
    { id: "outage.peer", of: "outage.sluice.fallback", against: ["outage.rate-limiter-flexible"] },
  ],
  async setUp() {
    return { context: { port: String(await closedPort()) }, versions: {} };
  },
};
