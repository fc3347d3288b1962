import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLimiter, fixedWindow, type LimiterOptions, type Store } from "../../src/index.js";
import { type DecidingStore, remote } from "../../src/store/index.js";
import { throughBreaker } from "../../src/store/kit/index.js";
import { failingStore } from "../fixtures/failing-store.js";
import { mapStore } from "../fixtures/map-store.js";

const policies = [
  fixedWindow({ name: "one", limit: 100, window: "1h" }),
  fixedWindow({ name: "two", limit: 100, window: "1h" }),
];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A store with several parts. The last letter of a key is its part, and part `a` is down. */
function halfDown(options: Partial<LimiterOptions> = {}) {
  const asked: string[] = [];
  const inner = mapStore();
  const store = {
    ...inner,
    remote: { ...remote, partOf: (key: string) => key.at(-1) ?? "" },
    decide: async (...[admission, calls]: Parameters<typeof inner.decide>) => {
      const parts = admission.claims.map(({ key }) => key.at(-1)).join("");
      asked.push(parts);
      if (parts.includes("a")) throw new Error(`no route for ${asked.length}`);
      return inner.decide(admission, calls);
    },
  };
  const limiter = createLimiter({ store, policies, denyCache: false, ...options });
  return { asked, limiter };
}

describe("the parts of a store", () => {
  it("fail separately", async () => {
    const { asked, limiter } = halfDown();
    for (let i = 0; i < 8; i++) await limiter.consume("user a");
    expect(asked).toEqual(new Array(5).fill("aa"));
    expect((await limiter.consume("user a")).error?.code).toBe("STORE_BREAKER_OPEN");
    expect((await limiter.consume("user b")).source).toBe("store");
  });

  it("fail a decision that includes a part that is down, and are not blamed if several parts were called", async () => {
    const { asked, limiter } = halfDown();
    const across = { one: "user b", two: "user a" };
    for (let i = 0; i < 8; i++) expect((await limiter.consume(across)).error?.code).toBe("STORE_FAILED");
    expect(asked).toHaveLength(8);
    for (let i = 0; i < 5; i++) await limiter.consume("user a");
    expect((await limiter.consume(across)).error?.code).toBe("STORE_BREAKER_OPEN");
    expect(asked).toHaveLength(13);
    expect((await limiter.consume({ one: "user b", two: "other b" })).source).toBe("store");
  });

  it("are found by their keys, even for reset and block", async () => {
    const { limiter } = halfDown();
    for (let i = 0; i < 5; i++) await limiter.consume("user a");
    await expect(limiter.reset("user a")).rejects.toMatchObject({ code: "STORE_BREAKER_OPEN" });
    await expect(limiter.block("user a", "1m")).rejects.toMatchObject({ code: "STORE_BREAKER_OPEN" });
    await limiter.reset("user b");
    await limiter.block("user b", "1m");
    expect((await limiter.consume("user b")).allowed).toBe(false);
  });

  it("that are stores have a breaker each", async () => {
    const [up, down] = [mapStore(), failingStore()];
    down.mode = "down";
    const place = (parts: readonly Store[], key: string) => (key.endsWith("a") ? parts[0] : parts[1]) as typeof down;
    const joined = (parts: readonly Store[]): Store =>
      ({
        ...up,
        algorithms: down.algorithms,
        remote: { ...remote, protectParts: (protect: (store: Store) => Store) => joined(parts.map(protect)) },
        decide: (...[admission, calls]: Parameters<typeof down.decide>) =>
          place(parts, admission.claims[0]?.key ?? "").decide(admission, calls),
        delete: (key: string) => place(parts, key).delete(key),
      }) as Store;
    const limiter = createLimiter({ store: joined([down, up]), policies, denyCache: false });
    for (let i = 0; i < 8; i++) await limiter.consume("user a");
    expect(down.asked).toBe(5);
    expect((await limiter.consume("user b")).source).toBe("store");
  });
});

describe("calls that were never answered", () => {
  it("are explained by the connection's error", async () => {
    const store = {
      ...mapStore(),
      remote,
      decide: () => new Promise<never>(() => {}),
      connectionError: () => new Error("connect EHOSTUNREACH"),
    };
    const limiter = createLimiter({ store, policies, timeout: 50 });
    const calls = Array.from({ length: 5 }, () => limiter.consume("k"));
    await vi.advanceTimersByTimeAsync(60);
    await Promise.all(calls);
    const { error } = await limiter.consume("k");
    expect(error?.message).toBe(
      "[sluice] the store fails and is not asked until it answers a probe; the last failure: " +
        "the store did not answer in time: connect EHOSTUNREACH",
    );
  });
});

describe("a fallback that fails too", () => {
  it("is called through a breaker with the same options if it is remote", async () => {
    const [store, fallback] = [failingStore(), failingStore()];
    store.mode = fallback.mode = "down";
    const limiter = createLimiter({ store, policies, fallback, breaker: { failures: 2 } });
    const { source, error } = await limiter.consume("k");
    expect([source, error?.code]).toEqual(["failClosed", "STORE_FAILED"]);
    for (let i = 0; i < 20; i++) await limiter.consume("k");
    expect(store.asked).toBe(2);
    expect(fallback.asked).toBe(2);
  });

  it("returns the error of the fallback, not that of the store", async () => {
    const decide = () => Promise.reject(new Error("the spare disk is full"));
    const store = failingStore();
    store.mode = "down";
    const fallback: DecidingStore = { ...mapStore(), decide };
    const limiter = createLimiter({ store, policies, fallback });
    expect((await limiter.consume("k")).error?.message).toContain("the spare disk is full");
  });
});

describe("throughBreaker", () => {
  it("calls a remote store through a circuit breaker, and closes it", async () => {
    const store = failingStore();
    const closed = vi.spyOn(store, "close");
    const asked = throughBreaker(store, { failures: 2 });
    store.mode = "down";
    for (let i = 0; i < 2; i++) await expect(asked.delete("k")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(asked.delete("k")).rejects.toMatchObject({ code: "STORE_BREAKER_OPEN" });
    expect(store.asked).toBe(2);
    await asked.close();
    expect(closed).toHaveBeenCalledOnce();
  });

  it("calls it directly if the option is false, and other stores always", async () => {
    const store = failingStore();
    store.mode = "down";
    const asked = throughBreaker(store, false);
    for (let i = 0; i < 20; i++) await expect(asked.delete("k")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const plain = mapStore();
    expect(throughBreaker(plain, {})).toBe(plain);
  });
});

describe("the options for failures", () => {
  const refused = (options: object, text: string) => {
    const store = failingStore();
    expect(() => createLimiter({ store, policies, ...options })).toThrow(text);
  };

  it("are refused with their name and the allowed values", () => {
    refused({ breaker: true }, 'option "breaker" must be false, or an object with options, got true');
    refused({ breaker: null }, 'option "breaker" must be false, or an object with options, got null');
    refused({ breaker: { failure: 1 } }, 'breaker has no option "failure"');
    refused({ denyCache: true }, 'option "denyCache" must be false, or an object with options, got true');
    refused({ denyCache: { size: 1 } }, 'denyCache has no option "size"');
    refused({ fallback: 5 }, 'option "fallback" must be a store, or an object with a store and policies, got 5');
    refused({ fallback: { store: mapStore(), limit: 1 } }, 'fallback has no option "limit"');
    refused({ fallback: { store: "redis" } }, 'option "fallback" must be a store, such as memoryStore(), got "redis"');
    refused(
      { fallback: { store: mapStore(), policies: policies[0] } },
      'option "fallback.policies" must have the names "one", "two", in this order',
    );
  });

  it("refuse the limiter's store as its fallback", () => {
    const store = failingStore();
    expect(() => createLimiter({ store, policies, fallback: store })).toThrow(
      'option "fallback" must differ from the limiter\'s store',
    );
  });
});
