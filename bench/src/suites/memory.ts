import { createLimiter, type Decision, fixedWindow, type Limiter, type Policy, tokenBucket } from "@sluice/core";
import { memoryStore } from "@sluice/store-memory";
import { MemoryStore, rateLimit } from "express-rate-limit";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { addresses, randomVisits } from "../keys.js";
import { HOUR_MS, HOUR_S, LIMIT } from "../limit.js";
import { callbackRate, cycle, type Sequence, sequentialRate, synchronousRate } from "../rate.js";
import type { Case, Runner, Settings, Suite } from "../suite.js";
import { bytesCase } from "./memory-size.js";
import { keyedMiddleware } from "./middleware.js";

const bucket = tokenBucket({ rate: LIMIT, interval: HOUR_MS });
const window = fixedWindow({ limit: LIMIT, window: HOUR_MS });

const isAllowed = ({ allowed }: Decision): boolean => allowed;

function limiter(policy: Policy): Limiter {
  return createLimiter({ store: memoryStore(), policies: policy });
}

function flexible(keyPrefix: string): RateLimiterMemory {
  return new RateLimiterMemory({ points: LIMIT, duration: HOUR_S, keyPrefix });
}

function counter(): MemoryStore {
  const store = new MemoryStore();
  store.init({ windowMs: HOUR_MS } as Parameters<MemoryStore["init"]>[0]);
  return store;
}

function middleware(store: MemoryStore): ReturnType<typeof keyedMiddleware> {
  return keyedMiddleware((keyGenerator, handler) =>
    rateLimit({
      windowMs: HOUR_MS,
      limit: LIMIT,
      store,
      keyGenerator,
      handler,
      standardHeaders: false,
      legacyHeaders: false,
      validate: false,
    }),
  );
}

/** Every key is known to the store before it is measured. Later calls use equal strings, not identical ones. */
async function visits(settings: Settings, fill: (key: string) => unknown): Promise<Sequence<string>> {
  const count = settings.quick ? 1_000 : 100_000;
  for (const key of addresses(count)) await fill(key);
  return cycle(randomVisits(addresses(count)));
}

function awaitedCase<T>(
  id: string,
  name: string,
  make: () => (key: string) => Promise<T>,
  isRight: (answer: T) => boolean,
): Case {
  return {
    id,
    name,
    unit: "decisions/s",
    async start(settings): Promise<Runner> {
      const ask = make();
      const keys = await visits(settings, ask);
      return { run: () => sequentialRate(settings.durationMs, keys, ask, isRight) };
    },
  };
}

const sync: Case = {
  id: "memory.sluice.sync",
  name: "Sluice, limiter.decide",
  unit: "decisions/s",
  async start(settings) {
    const { decide } = limiter(bucket);
    const keys = await visits(settings, (key) => decide(key));
    // A promise has no `allowed`, so it would count as wrong.
    const isAllowedNow = (decision: ReturnType<Limiter["decide"]>): boolean => (decision as Decision).allowed;
    return {
      run: async () => synchronousRate(settings.durationMs, keys, (key) => decide(key), isAllowedNow),
    };
  },
};

const peerMiddleware: Case = {
  id: "memory.express-rate-limit",
  name: "express-rate-limit, middleware without headers",
  unit: "decisions/s",
  async start(settings) {
    const decide = middleware(counter());
    const keys = await visits(settings, (key) => new Promise((resolve) => decide(key, resolve)));
    return { run: () => callbackRate(settings.durationMs, keys, decide) };
  },
};

const floor: Case = {
  id: "memory.map",
  name: "Map.get",
  unit: "lookups/s",
  async start(settings) {
    const map = new Map<string, number>();
    const keys = await visits(settings, (key) => map.set(key, map.size));
    return {
      run: async () =>
        synchronousRate(
          settings.durationMs,
          keys,
          (key) => map.get(key),
          (found) => found !== undefined,
        ),
    };
  },
};

const cases: readonly Case[] = [
  awaitedCase("memory.sluice", "Sluice, limiter.consume", () => limiter(bucket).consume, isAllowed),
  sync,
  awaitedCase(
    "memory.sluice.window",
    "Sluice, fixed window, limiter.consume",
    () => limiter(window).consume,
    isAllowed,
  ),
  awaitedCase(
    "memory.rate-limiter-flexible",
    "rate-limiter-flexible, consume",
    () => {
      const peer = flexible("rlflx");
      return (key) => peer.consume(key);
    },
    ({ remainingPoints }) => remainingPoints > 0,
  ),
  awaitedCase(
    "memory.rate-limiter-flexible.bare",
    "rate-limiter-flexible, consume, no key prefix",
    () => {
      const peer = flexible("");
      return (key) => peer.consume(key);
    },
    ({ remainingPoints }) => remainingPoints > 0,
  ),
  peerMiddleware,
  awaitedCase(
    "memory.express-rate-limit.counter",
    "express-rate-limit, its counter alone (MemoryStore.increment)",
    () => {
      const store = counter();
      return (key) => store.increment(key);
    },
    ({ totalHits }) => totalHits <= LIMIT,
  ),
  floor,
  bytesCase("memory.sluice.bytes", "Sluice", () => {
    const { decide } = limiter(bucket);
    return { insert: (key) => decide(key), keep: decide };
  }),
  bytesCase("memory.rate-limiter-flexible.bytes", "rate-limiter-flexible", () => {
    const peer = flexible("rlflx");
    return { insert: (key) => peer.consume(key), keep: peer };
  }),
  bytesCase("memory.express-rate-limit.bytes", "express-rate-limit", () => {
    const store = counter();
    return { insert: (key) => store.increment(key), keep: store };
  }),
];

const byDefault = ["memory.rate-limiter-flexible", "memory.express-rate-limit"];
const peers = [...byDefault, "memory.rate-limiter-flexible.bare"];

export const memory: Suite = {
  name: "memory",
  rounds: 7,
  durationMs: 1_000,
  packages: ["express-rate-limit", "rate-limiter-flexible"],
  cases,
  ratios: [
    { id: "memory.peer", of: "memory.sluice", against: peers },
    { id: "memory.sync.peer", of: "memory.sluice.sync", against: peers },
    { id: "memory.peer.defaults", of: "memory.sluice", against: byDefault },
    { id: "memory.sync.peer.defaults", of: "memory.sluice.sync", against: byDefault },
    { id: "memory.counter", of: "memory.sluice", against: ["memory.express-rate-limit.counter"] },
    { id: "memory.sync.counter", of: "memory.sluice.sync", against: ["memory.express-rate-limit.counter"] },
    { id: "memory.floor", of: "memory.sluice", against: ["memory.map"] },
    { id: "memory.sync.floor", of: "memory.sluice.sync", against: ["memory.map"] },
  ],
};
