import { deepStrictEqual, equal } from "node:assert/strict";
import { createLimiter, fixedWindow, type LimiterOptions, type Store } from "@sluice/core";
import { type RemoteStoreMark, remote } from "@sluice/core/store";
import { modelStore } from "../model.js";
import { type AdapterContext, type AdapterTools, type Expected, quotaProblem } from "./context.js";

const POLICY = '"default";q=2;w=10';

/** A remote store whose backend the test can stop. */
interface Backend {
  readonly store: Store & RemoteStoreMark;
  down: boolean;
  /** The number of calls that reached it. */
  calls: number;
}

/** The store fails while requests arrive, and recovers. */
export function outagesGroup<Req, Handler>({ test }: AdapterContext<Req, Handler>): void {
  const policies = fixedWindow({ limit: 2, window: "10s" });

  /** Starts an app, runs `body`, and returns the events of the limiter. */
  async function watched(
    { clock, serve, ask }: AdapterTools<Req, Handler>,
    options: Partial<LimiterOptions>,
    body: (tools: {
      backend: Backend;
      ask(expected: Expected): Promise<void>;
      /** Advances the clock of timeouts and cooldowns. */
      later(ms: number): void;
    }) => Promise<void>,
  ): Promise<readonly string[]> {
    const backend = createBackend();
    const events: string[] = [];
    const limiter = createLimiter({
      store: backend.store,
      policies,
      clock,
      on: {
        storeError: ({ source }) => events.push(`storeError ${source}`),
        storeRecovered: ({ decisions }) => events.push(`storeRecovered ${decisions}`),
      },
      ...options,
    });
    const server = await serve({ uses: [{ of: limiter, options: { key: () => "somebody" } }] });
    const now = performance.now.bind(performance);
    let movedMs = 0;
    performance.now = () => now() + movedMs;
    try {
      await body({
        backend,
        ask: (expected) => ask(server, expected),
        later: (ms) => {
          movedMs += ms;
        },
      });
    } finally {
      performance.now = now;
      await limiter.close();
    }
    return events;
  }

  const modes: readonly (readonly [
    how: string,
    options: Partial<LimiterOptions>,
    source: string,
    during: Expected[],
  ])[] = [
    [
      "requests are denied with 503",
      {},
      "failClosed",
      Array(8).fill({ status: 503, fields: { "RateLimit-Policy": POLICY, RateLimit: null, "Retry-After": null } }),
    ],
    [
      "requests continue with failOpen",
      { failOpen: true },
      "failOpen",
      Array(8).fill({ status: 200, fields: { RateLimit: null, "Retry-After": null }, body: "ok" }),
    ],
    [
      "the fallback answers with its own counts",
      { fallback: modelStore() },
      "fallback",
      [
        { status: 200, fields: { "RateLimit-Policy": POLICY, RateLimit: '"default";r=1;t=10' } },
        { status: 200, fields: { RateLimit: '"default";r=0;t=10', "Retry-After": null } },
        ...Array(6).fill({
          status: 429,
          fields: { RateLimit: '"default";r=0;t=10', "Retry-After": "10" },
          body: quotaProblem(["default"], 10),
        }),
      ],
    ],
  ];
  for (const [how, options, source, during] of modes) {
    test(`while the store is down ${how}, and it is called five times until the breaker opens`, async (tools) => {
      const events = await watched(tools, options, async ({ backend, ask, later }) => {
        await ask({ status: 200, fields: { RateLimit: '"default";r=1;t=10' } });
        backend.down = true;
        backend.calls = 0;
        for (const expected of during) await ask(expected);
        equal(backend.calls, 5);
        // After a cooldown the first request probes, and the next one does not.
        later(700);
        for (const expected of during.slice(-2)) await ask(expected);
        equal(backend.calls, 6);
        backend.down = false;
        later(700);
        await ask({ status: 200, fields: { "RateLimit-Policy": POLICY, RateLimit: '"default";r=0;t=10' } });
        await ask({ status: 429, fields: { "Retry-After": "10" } });
      });
      deepStrictEqual(events, [`storeError ${source}`, "storeRecovered 10"]);
    });
  }

  test("the fields show the numbers of the fallback", async (tools) => {
    const fallback = { store: modelStore(), policies: fixedWindow({ limit: 1, window: "20s" }) };
    await watched(tools, { fallback }, async ({ backend, ask }) => {
      backend.down = true;
      await ask({ status: 200, fields: { RateLimit: '"default";r=0;t=20' } });
      await ask({ status: 429, fields: { RateLimit: '"default";r=0;t=20', "Retry-After": "20" } });
    });
  });

  test("a client that keeps sending requests after a denial is denied without the store", async (tools) => {
    const { clock } = tools;
    await watched(tools, {}, async ({ backend, ask }) => {
      for (let i = 0; i < 2; i++) await ask({ status: 200 });
      const denied = (seconds: number): Expected => ({
        status: 429,
        fields: {
          "RateLimit-Policy": POLICY,
          RateLimit: `"default";r=0;t=${seconds}`,
          "Retry-After": String(seconds),
          "Cache-Control": "no-store",
        },
        body: quotaProblem(["default"], seconds),
      });
      backend.calls = 0;
      for (let i = 0; i < 5; i++) await ask(denied(10));
      equal(backend.calls, 1);
      // The times are reduced. The denial is refreshed at half of its maximum age.
      await clock.advance(400);
      await ask(denied(10));
      equal(backend.calls, 1);
      await clock.advance(1_600);
      for (let i = 0; i < 3; i++) await ask(denied(8));
      equal(backend.calls, 2);
      await clock.advance(8_000);
      await ask({ status: 200, fields: { RateLimit: '"default";r=1;t=10' } });
      equal(backend.calls, 3);
    });
  });
}

function createBackend(): Backend {
  const model = modelStore();

  function reach<T>(call: () => T): T {
    backend.calls++;
    if (backend.down) throw new Error("connection refused");
    return call();
  }

  const backend: Backend = {
    down: false,
    calls: 0,
    store: {
      ...model,
      remote,
      decide: async (...args: Parameters<typeof model.decide>) => reach(() => model.decide(...args)),
      atomicUpdate: async (...args) => reach(() => model.atomicUpdate(...args)),
      delete: async (...args) => reach(() => model.delete(...args)),
    } as Store & RemoteStoreMark,
  };
  return backend;
}
