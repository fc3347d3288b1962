import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createLimiter, type Limiter, type Policy, SluiceError, type Store } from "@sluice/core";
import { isRemote } from "@sluice/core/store";
import { LONG_MS, policyOf } from "../policies.js";
import type { InterruptibleStore } from "./capabilities.js";
import type { SuiteContext } from "./suite-context.js";

const limitOf10: Policy = policyOf("token-bucket", 10, LONG_MS);
const TIMEOUT_MS = 300;
/** The extra time beyond its timeout that a call may take on a busy machine. */
const SLACK_MS = 700;

/** While the backend is down, every call ends in time. Once it is back, the store decides again. */
export function failureGroup({ testWith, capabilities: { unreachable, interruptible } }: SuiteContext): void {
  testWith(unreachable, "a store that can be down is marked as remote, even behind a wrapper", async ({ open }) => {
    const store = await open();
    ok(isRemote(store), "the store has no property `remote`: see A store that can fail, in docs/write-a-store.md");
    ok(isRemote(withPromises(store)));
  });

  for (const failOpen of [false, true]) {
    testWith(
      unreachable,
      `an unreachable store ${failOpen ? "allows" : "denies"} requests in time, with failOpen ${failOpen}`,
      async ({ prefix }, makeUnreachable) => {
        const store = await makeUnreachable();
        await closing(store, async () => {
          const { limiter, events } = watched(store, prefix, failOpen);
          const decisions = await Promise.all(
            Array.from({ length: 20 }, (_, i) => inTime(() => limiter.consume(`key-${i}`))),
          );
          decisions.push(await inTime(() => limiter.peek("somebody")));
          for (const { allowed, source, error } of decisions) {
            deepStrictEqual([allowed, source], [failOpen, failOpen ? "failOpen" : "failClosed"]);
            ok(error instanceof SluiceError, String(error));
          }
          deepStrictEqual(events, ["storeError"]);
          await failsByItself(store);
        });
      },
    );
  }

  testWith(unreachable, "an unreachable store rejects other calls in time", async ({ prefix }, makeUnreachable) => {
    const store = await makeUnreachable();
    await closing(store, async () => {
      const { limiter } = watched(store, prefix, true);
      await inTime(() => rejects(limiter.block("somebody", "1h"), SluiceError));
      await inTime(() => rejects(limiter.reset("somebody"), SluiceError));
      equal((await inTime(() => limiter.healthCheck())).healthy, false);
    });
  });

  testWith(interruptible, "decisions resume when the backend is back", async ({ prefix }, makeInterruptible) => {
    const interruption = await makeInterruptible();
    const { store } = interruption;
    await closing(store, async () => {
      // Connecting takes long on a busy machine.
      const patient = createLimiter({ store, policies: limitOf10, prefix, timeout: "20s" });
      equal((await patient.consume("before")).source, "store");
      const { limiter, events } = watched(store, prefix, false);
      await interruption.interrupt();
      await restoring(interruption, async () => {
        const during = await Promise.all(
          Array.from({ length: 20 }, (_, i) => inTime(() => limiter.consume(`during-${i}`))),
        );
        deepStrictEqual(new Set(during.map(({ source }) => source)), new Set(["failClosed"]));
        equal((await inTime(() => limiter.consume("during"))).source, "failClosed");
        deepStrictEqual(events, ["storeError"]);
      });
      await untilAnswered(limiter);
      equal((await limiter.consume("after")).source, "store");
      // A short outage ends one second after its last failure.
      for (let tries = 0; tries < 60 && events.length < 2; tries++) await sleep(50);
      deepStrictEqual(events, ["storeError", "storeRecovered"]);
    });
  });
}

/** A copy of the store whose methods all return promises. */
function withPromises(store: Store): Store {
  return Object.fromEntries(
    Object.entries(store).map(([name, method]) => [
      name,
      typeof method === "function" ? async (...args: unknown[]): Promise<unknown> => method(...args) : method,
    ]),
  ) as Partial<Store> as Store;
}

function watched(store: Store, prefix: string, failOpen: boolean): { limiter: Limiter; events: string[] } {
  const events: string[] = [];
  const limiter = createLimiter({
    store,
    policies: limitOf10,
    prefix,
    failOpen,
    timeout: TIMEOUT_MS,
    on: {
      storeError: () => void events.push("storeError"),
      storeRecovered: () => void events.push("storeRecovered"),
    },
  });
  return { limiter, events };
}

/** Checks that the store itself, without a limiter, rejects with a SluiceError unless it hangs. */
async function failsByItself(store: Store): Promise<void> {
  const call = store.atomicUpdate("unreachable", () => undefined, { deadlineMs: performance.now() + TIMEOUT_MS });
  const failure = await Promise.race([
    call.then(
      () => undefined,
      (error: unknown) => error,
    ),
    sleep(TIMEOUT_MS),
  ]);
  ok(failure === undefined || failure instanceof SluiceError, String(failure));
}

async function inTime<T>(call: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await call();
  const tookMs = performance.now() - startMs;
  ok(tookMs < TIMEOUT_MS + SLACK_MS, `the call took ${Math.round(tookMs)} ms with a timeout of ${TIMEOUT_MS} ms`);
  return result;
}

async function untilAnswered(limiter: Limiter): Promise<void> {
  const endMs = performance.now() + 20_000;
  while ((await limiter.consume("coming back")).source !== "store") {
    ok(performance.now() < endMs, "the store did not recover within 20 s");
    await sleep(50);
  }
}

async function restoring(interruption: InterruptibleStore, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    await interruption.restore();
  }
}

/** Runs `body` and closes the store. A store whose backend is down may fail to close cleanly. */
async function closing(store: Store, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    await Promise.race([store.close().catch(() => {}), sleep(1_000)]);
  }
}
