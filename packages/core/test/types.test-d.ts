// Type tests of the public API. The type check of the package runs them.
import {
  type Algorithm,
  type CallOptions,
  createLimiter,
  type Decision,
  type DecisionSource,
  type Duration,
  type FixedWindowPolicy,
  fixedWindow,
  type Limiter,
  type MaybePromise,
  type Next,
  type Policy,
  SluiceError,
  type SluiceErrorCode,
  type Store,
  slidingLog,
  slidingWindow,
  type TokenBucketPolicy,
  tokenBucket,
} from "../src/index.js";
import { type ClaimFinding, can, type DecidingStore, type Entry, type Outcome } from "../src/store/index.js";
import { createBatcher } from "../src/store/kit/index.js";

/** True if the types are the same, and not only assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ["the types differ"]): void {}

declare const store: Store;
declare const limiter: Limiter;
declare const decision: Decision;

// Durations are numbers, or a number with a unit.
const durations: Duration[] = [1, "250ms", "10s", "1m", "1h", "1d"];
// @ts-expect-error an unknown unit
const weeks: Duration = "1w";
// @ts-expect-error no unit
const bare: Duration = "10";

// Policies are data of their algorithm.
same<ReturnType<typeof tokenBucket>, TokenBucketPolicy>();
same<ReturnType<typeof fixedWindow>, FixedWindowPolicy>();
same<TokenBucketPolicy["algorithm"], "token-bucket">();
// @ts-expect-error frozen
tokenBucket().rate = 5;
tokenBucket({});
// @ts-expect-error a missing limit
fixedWindow({ window: "1m" });
// @ts-expect-error a missing window
slidingLog({ limit: 1 });
// @ts-expect-error an unknown option
slidingWindow({ limit: 1, window: "1m", windowMs: 1 });
// @ts-expect-error a number, not a text
tokenBucket({ rate: "5" });

// A limiter needs a store.
same<ReturnType<typeof createLimiter>, Limiter>();
createLimiter({ store, policies: [tokenBucket(), slidingLog({ limit: 1, window: 1 })], failOpen: true, timeout: "1s" });
// @ts-expect-error no store
createLimiter({ policies: tokenBucket() });
// @ts-expect-error an unknown option
createLimiter({ store, failopen: true });
// @ts-expect-error an unknown event
createLimiter({ store, on: { deny: () => {} } });
createLimiter({
  store,
  on: {
    decision: (one) => same<typeof one, Decision>(),
    storeError: ({ error, failOpen }) => {
      same<typeof error, SluiceError>();
      same<typeof failOpen, boolean>();
    },
    storeRecovered: ({ downMs }) => same<typeof downMs, number>(),
  },
});

// Calls of a limiter.
same<ReturnType<Limiter["decide"]>, MaybePromise<Decision>>();
same<ReturnType<Limiter["consume"]>, Promise<Decision>>();
same<ReturnType<Limiter["allow"]>, Promise<boolean>>();
same<ReturnType<Limiter["refund"]>, Promise<boolean>>();
limiter.consume("key", { cost: 2 });
limiter.consume({ perUser: "42", everyone: "all" });
// @ts-expect-error a key is a string, or strings by name
limiter.consume(42);
// @ts-expect-error an unknown option
limiter.consume("key", { const: 2 });
limiter.wait("key", { timeout: "1s", signal: new AbortController().signal });
const length: Promise<number> = limiter.execute("key", (granted) => JSON.stringify(granted).length);
const off: () => void = limiter.on("denied", (denied) => same<typeof denied, Decision>());

// A decision is read only, and its source is one that this release knows.
same<DecisionSource, "store" | "cache" | "fallback" | "failOpen" | "failClosed">();
same<Decision["retryAfterMs"], number | undefined>();
// @ts-expect-error read only
decision.allowed = true;

// Errors have a code to switch on.
same<SluiceError["code"], SluiceErrorCode>();
// @ts-expect-error an unknown code
new SluiceError("OOPS", "oops");

// A store has three methods. The state has the type of the update.
const counted: Promise<number | undefined> = store.atomicUpdate("key", (count: number | undefined, nowMs) => {
  same<typeof nowMs, number>();
  return { state: (count ?? 0) + 1, ttlMs: 1_000 };
});
const least: Store = {
  async atomicUpdate<S>(_key: string, update: (state: S | undefined, nowMs: number) => Next<S> | undefined) {
    return update(undefined, 0)?.state;
  },
  async delete() {},
  async close() {},
};
// @ts-expect-error a method is missing
const less: Store = { delete: least.delete, close: least.close };
if (can(store, "decide")) same<typeof store, Store & DecidingStore>();
same<Parameters<DecidingStore["decide"]>[1], CallOptions | undefined>();
same<Outcome["findings"], readonly ClaimFinding[]>();
same<Entry[0], 1 | 2>();

// A custom algorithm for custom policies.
interface Coin extends Policy {
  readonly algorithm: "coin";
  readonly sides: number;
}
const coin: Algorithm<Coin, { thrown: number }> = {
  name: "coin",
  quota: ({ sides }) => ({ limit: sides, windowMs: 1 }),
  step: (state) => {
    same<typeof state, { thrown: number } | undefined>();
    return { allowed: true, remaining: 0, retryAfterMs: 0, resetAfterMs: 0, epochMs: 0 };
  },
};
const coinPolicy: Coin = { name: "coin", algorithm: "coin", sides: 2 };
createLimiter({ store, algorithms: [coin], policies: coinPolicy });

// The results of a batcher have one type, or are errors of single items.
const lengths = createBatcher<string, number>({ run: async (items) => items.map((item) => item.length) });
same<ReturnType<typeof lengths.add>, Promise<number>>();

export { bare, counted, durations, length, less, off, weeks };
