import { describe, expect, it } from "vitest";
import { type LimitFetchOptions, limitFetch } from "../../src/fetch/index.js";
import { createLimiter, fixedWindow, type Limiter, tokenBucket } from "../../src/index.js";
import { manualClock } from "../fixtures/manual-clock.js";
import { mapStore } from "../fixtures/map-store.js";

/** A server with the given answers, which records when each call arrives. */
function setUp(
  answers: readonly (readonly [status: number, fields: Record<string, string>])[],
  options?: LimitFetchOptions,
) {
  const clock = manualClock();
  const store = mapStore();
  const limiter = createLimiter({ store, policies: tokenBucket({ rate: 10, burst: 10 }), clock });
  const calls: number[] = [];
  const startMs = clock.nowMs();
  const answer = async (): Promise<Response> => {
    const [status, headers] = answers[calls.length] ?? [200, {}];
    calls.push(clock.nowMs() - startMs);
    return new Response("body", { status, headers });
  };
  return { clock, store, limiter, calls, fetch: limitFetch(limiter, answer, options) };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("limitFetch", () => {
  it("waits for its turn", async () => {
    const { clock, calls, fetch } = setUp([]);
    const all = Promise.all(Array.from({ length: 12 }, () => fetch("https://api.example/a")));
    await settle();
    expect(calls.length).toBe(10);
    await clock.advance(100);
    await settle();
    await clock.advance(100);
    await all;
    expect(calls.slice(9)).toEqual([0, 100, 200]);
  });

  const pauses: readonly (readonly [what: string, status: number, fields: Record<string, string>, ms: number])[] = [
    ["Retry-After with 429", 429, { "retry-after": "7" }, 7_000],
    ["Retry-After with 503", 503, { "retry-after": "7" }, 7_000],
    ["Retry-After with 403", 403, { "retry-after": "7" }, 7_000],
    ["Retry-After with 400", 400, { "retry-after": "7" }, 7_000],
    ["Retry-After with a decimal", 429, { "retry-after": "2.0" }, 2_000],
    ["at most maxPause for a huge Retry-After", 429, { "retry-after": "99999999999999999999" }, 3_600_000],
    [
      "a legacy limit below zero, and a reset with a decimal",
      200,
      { "x-ratelimit-remaining": "-1", "x-ratelimit-reset": "4.0" },
      4_000,
    ],
    ["nothing for Retry-After with 202", 202, { "retry-after": "7" }, 0],
    ["nothing for Retry-After with 500", 500, { "retry-after": "7" }, 0],
    ["RateLimit fields with 429", 429, { ratelimit: '"a";r=0;t=3, "b";r=0;t=9, "c";r=5;t=60' }, 9_000],
    ["RateLimit fields of a successful answer", 200, { ratelimit: '"a";r=0;t=3' }, 3_000],
    ["fields of draft 7", 200, { ratelimit: "limit=5, remaining=0, reset=4" }, 4_000],
    ["legacy fields", 200, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4" }, 4_000],
    ["Retry-After rather than the fields", 429, { "retry-after": "2", ratelimit: '"a";r=0;t=60' }, 2_000],
    ["at most maxPause", 429, { "retry-after": "999999" }, 3_600_000],
    ["nothing if quota remains", 200, { ratelimit: '"a";r=1;t=60' }, 0],
    ["nothing for Retry-After with a redirect", 301, { "retry-after": "7" }, 0],
    ["nothing without fields", 429, {}, 0],
    ["nothing for 0", 429, { "retry-after": "0" }, 0],
  ];
  for (const [what, status, fields, ms] of pauses) {
    it(`pauses for ${what}`, async () => {
      const { clock, calls, fetch } = setUp([[status, fields]]);
      const response = await fetch("https://api.example/a");
      expect([response.status, await response.text()]).toEqual([status, "body"]);
      const next = fetch("https://api.example/b");
      await settle();
      if (ms > 0) {
        await clock.advance(ms - 1);
        await settle();
        expect(calls.length).toBe(1);
        await clock.advance(1);
      }
      await next;
      expect(calls[1]).toBe(ms);
    });
  }

  it("does not pause calls to other hosts", async () => {
    const { calls, fetch } = setUp([[429, { "retry-after": "60" }]]);
    await fetch("https://api.example/a");
    await fetch(new URL("https://other.example/a"));
    await fetch(new Request("https://third.example/a"));
    expect(calls).toEqual([0, 0, 0]);
  });

  it("never shortens a pause", async () => {
    const { clock, calls, fetch } = setUp([
      [429, { "retry-after": "9" }],
      [429, { "retry-after": "2" }],
    ]);
    await Promise.all([fetch("https://api.example/a"), fetch("https://api.example/b")]);
    const next = fetch("https://api.example/c");
    await settle();
    await clock.advance(8_999);
    await settle();
    expect(calls.length).toBe(2);
    await clock.advance(1);
    await next;
    expect(calls[2]).toBe(9_000);
  });

  it("uses the key and the cost of each call", async () => {
    const { limiter, fetch } = setUp([], { key: async () => "all", cost: async (_input, init) => (init ? 4 : 1) });
    await fetch("https://api.example/a", {});
    await fetch("https://other.example/a");
    expect((await limiter.peek("all")).remaining).toBe(5);
  });

  it("ends a wait by the signal of the call or of its request, and by its timeout", async () => {
    const { fetch, calls } = setUp([[429, { "retry-after": "60" }]], { timeout: "30s" });
    await fetch("https://api.example/a");
    await expect(fetch("https://api.example/a")).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
    const slow = setUp([[429, { "retry-after": "60" }]]);
    await slow.fetch("https://api.example/a");
    for (const call of [
      (signal: AbortSignal) => slow.fetch("https://api.example/a", { signal }),
      (signal: AbortSignal) => slow.fetch(new Request("https://api.example/a", { signal })),
    ]) {
      const controller = new AbortController();
      const waiting = call(controller.signal);
      await settle();
      controller.abort(new Error("gone"));
      await expect(waiting).rejects.toThrow("gone");
    }
    expect([calls.length, slow.calls.length]).toEqual([1, 1]);
  });

  it("returns the answer even if the store fails, and passes errors of fetch on", async () => {
    const { store, fetch } = setUp([[429, { "retry-after": "60" }]]);
    store.atomicUpdate = () => Promise.reject(new Error("down"));
    expect((await fetch("https://api.example/a")).status).toBe(429);
    const limiter = createLimiter({ store: mapStore(), policies: fixedWindow({ limit: 1, window: "1m" }) });
    const failing = limitFetch(limiter, () => Promise.reject(new TypeError("fetch failed")));
    await expect(failing("https://api.example/a")).rejects.toThrow("fetch failed");
  });

  it("refuses invalid options", () => {
    const { limiter } = setUp([]);
    for (const [options, code, text] of [
      [{ keys: () => "x" }, "UNKNOWN_OPTION", 'limitFetch has no option "keys"'],
      [{ key: "x" }, "INVALID_OPTION", 'option "key"'],
      [{ timeout: "soon" }, "INVALID_OPTION", 'option "timeout"'],
      [{ maxPause: 0 }, "INVALID_OPTION", 'option "maxPause"'],
      [{ cost: 0 }, "INVALID_COST", "cost"],
    ] as const) {
      expect(() => limitFetch(limiter, fetch, options as unknown as LimitFetchOptions)).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(text) }),
      );
    }
    const refuses = (text: string) =>
      expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(text) });
    expect(() => limitFetch(limiter, undefined as unknown as typeof fetch)).toThrow(refuses('option "fetch"'));
    for (const none of [undefined, mapStore()])
      expect(() => limitFetch(none as unknown as Limiter, fetch)).toThrow(
        refuses('option "limiter" must be created by createLimiter'),
      );
  });
});
