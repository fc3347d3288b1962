import {
  createLimiter,
  fixedWindow,
  type Policy,
  type Store,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "@sluice/core";
import { createBlocklist, createDebouncer, createRegistry } from "@sluice/protections";
import { type Backend, backends } from "@sluice/servers";
import { memoryStore } from "@sluice/store-memory";
import { afterAll, expect, it } from "vitest";
import { type MoveSummary, moveState, openStore } from "../src/index.js";
import "./quiet-aws-sdk.js";

const started: Backend[] = [];
afterAll(() => Promise.all(started.map((backend) => backend.stop())));

const POLICIES: readonly Policy[] = [
  tokenBucket({ name: "bucket", rate: 7, burst: 200, interval: "1d" }),
  fixedWindow({ name: "fixed", limit: 200, window: "1d" }),
  slidingWindow({ name: "sliding", limit: 200, window: "1d" }),
  slidingLog({ name: "log", limit: 200, window: "1d" }),
];

/** Keys that databases store in plain text, and keys that they store as digests. */
const PLAIN = [
  ...Array.from({ length: 100 }, (_, i) => `client ${i}`),
  "😀",
  ":",
  "a:b:c:d",
  "%",
  "{a}b",
  "é".repeat(256),
];
const DIGESTED = ["#", "a\0b", "\ud800", "x".repeat(257), "é".repeat(5_000)];
const KEYS = [...PLAIN, ...DIGESTED];

/** All results of a store. The calls are concurrent, since they would take too long one after the other. */
async function answers(store: Store): Promise<unknown> {
  const limiter = createLimiter({ store, policies: POLICIES, timeout: "20s" });
  const debouncer = createDebouncer({ store, window: "1d", timeout: "20s" });
  const blocklist = createBlocklist({ store, timeout: "20s" });
  const clients = createRegistry({ store, timeout: "20s" });
  const peeked = await Promise.all(KEYS.map((key) => limiter.peek(key)));
  for (const { error } of peeked) if (error !== undefined) throw error;
  return {
    limits: peeked.map(({ policies }) => policies.map(({ remaining, blocked }) => [remaining, blocked])),
    duplicates: await Promise.all(KEYS.slice(0, 5).map((key) => debouncer.seen(key, "order"))),
    blocked: (await Promise.all(["192.0.2.1", "10.1.2.3", "somebody"].map((key) => blocklist.findBlock(key)))).map(
      (block) => block?.reason ?? "none",
    ),
    client: await clients.get("ada"),
  };
}

async function fill(store: Store): Promise<void> {
  const limiter = createLimiter({ store, policies: POLICIES, timeout: "20s" });
  await Promise.all(KEYS.map((key, i) => limiter.consume(key, { cost: 1 + i })));
  await limiter.block("client 5", "2h");
  await Promise.all(KEYS.slice(0, 5).map((key) => createDebouncer({ store, window: "1d" }).seen(key, "order")));
  await createBlocklist({ store }).block("192.0.2.1", { reason: "abuse" });
  await createBlocklist({ store }).block("10.0.0.0/8", { reason: "range", for: "2h" });
  await createBlocklist({ store }).block("somebody", { reason: "for ever" });
  await createRegistry({ store }).register("ada", { plan: "paid" });
}

it("moves everything from memory through every database in turn, and finds it there by its keys", async () => {
  const origin = memoryStore();
  await fill(origin);
  const expected = await answers(origin);
  let from: Store = origin;
  let entries = 0;
  const opened: Store[] = [];
  for (const [name, start] of Object.entries(backends)) {
    const backend = await start();
    started.push(backend);
    const to = await openStore(backend.url, { createSchema: true, connectTimeout: "20s" });
    opened.push(to);
    const moved = await moveState(from, to);
    expect({ name, ...moved }).toEqual({ name, ...all(moved.read), written: moved.read });
    expect(moved.read).toBeGreaterThan(KEYS.length * POLICIES.length);
    expect({ name, answers: await answers(to) }).toEqual({ name, answers: expected });
    const again = await moveState(from, to);
    expect({ name, ...again }).toEqual({ name, ...all(moved.read), alreadyThere: moved.read });
    from = to;
    entries = moved.read;
  }
  // A memory store looks up keys in plain text, so digests are left out.
  const last = memoryStore();
  const digested = DIGESTED.length * POLICIES.length;
  expect(await moveState(from, last)).toEqual({
    ...all(entries),
    written: entries - digested,
    leftOut: { DIGESTED_KEY: digested },
  });
  const { limits } = (await answers(last)) as { limits: unknown[] };
  expect(limits.slice(0, PLAIN.length)).toEqual((expected as { limits: unknown[] }).limits.slice(0, PLAIN.length));
  await Promise.all(opened.map((store) => store.close()));
}, 240_000);

function all(read: number): MoveSummary {
  return { read, written: 0, merged: 0, alreadyThere: 0, expired: 0, leftOut: {} };
}
