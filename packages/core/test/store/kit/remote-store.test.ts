import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fixedWindow } from "../../../src/index.js";
import {
  type Admission,
  type Batch,
  type BatchSender,
  createRemoteStore,
  type ExportedEntry,
  type PageWriter,
  type Places,
  type RemoteStore,
  type Seen,
  SluiceError,
  type StoredEntry,
} from "../../../src/store/index.js";
import { scopeOf } from "../../../src/store/kit/index.js";

const policy = fixedWindow({ limit: 10, window: "1h" });
const SCOPE = scopeOf("sluice", policy);
const NOW_MS = 1_000_000;

function admissionOf(...keys: readonly string[]): Admission {
  return { claims: keys.map((key) => ({ scope: SCOPE, key, policy, cost: 1 })), charge: true };
}

/** The numbers of a window with `count` units used, and no block. */
const used = (count: number): readonly number[] => [0, NOW_MS, count];

/** A reply that grants all admissions of a batch. */
function granted({ numbers }: Batch): readonly number[] {
  const reply = [NOW_MS];
  for (let i = 0; i < numbers.length; ) {
    const claims = numbers[i + 1] as number;
    reply.push(1);
    for (let claim = 0; claim < claims; claim++) reply.push(...used(1));
    i += 2 + 3 * claims;
  }
  return reply;
}

type Send = BatchSender<symbol>["send"];

interface Fake {
  readonly store: RemoteStore;
  readonly batches: Batch[];
  readonly updated: string[];
}

interface FakeOptions {
  readonly send?: Send;
  readonly undecided?: NonNullable<BatchSender<symbol>["undecided"]>;
  readonly places?: Places;
  readonly entries?: readonly StoredEntry[];
  readonly write?: PageWriter["write"];
}

/** A store on a database that grants everything by default. */
function fakeStore({ send, undecided, places, entries = [], write = async () => [] }: FakeOptions = {}): Fake {
  const batches: Batch[] = [];
  const updated: string[] = [];
  const states = new Map<string, Seen>();
  const store = createRemoteStore<symbol>({
    name: "fake",
    createHash,
    ...(places && { places }),
    batches: {
      clock: "once",
      async send(batch, connection) {
        batches.push(batch);
        return send === undefined ? { numbers: granted(batch) } : send(batch, connection);
      },
      malformed: (what) => new SluiceError("STORE_FAILED", `the reply has ${what}`),
      ...(undecided && { undecided }),
    },
    async compareAndSet(key, next) {
      const before = states.get(key) ?? { written: false, nowMs: NOW_MS, state: undefined, version: "" };
      if (next === undefined) return before;
      updated.push(key);
      states.set(key, { written: false, nowMs: NOW_MS, state: next.state, version: `${next.text}!` });
      return { ...before, written: true };
    },
    remove: async () => undefined,
    async *pages() {
      yield entries;
    },
    imports: { size: 2, atOnce: 2, write },
    ownKey: "#own",
  });
  return { store, batches, updated };
}

async function listed(store: RemoteStore): Promise<readonly ExportedEntry[]> {
  const entries: ExportedEntry[] = [];
  for await (const entry of store.exportEntries()) entries.push(entry);
  return entries;
}

/** Uses the first letter of a user's key as its place. */
function placesOf(): { split: boolean; of(key: string): string } {
  return { split: true, of: (key) => key.slice(SCOPE.length)[0] as string };
}

describe("createRemoteStore", () => {
  it("sends the calls of one turn as one batch, with each key and policy once, and reads the reply", async () => {
    const { store, batches } = fakeStore();
    const outcomes = await Promise.all(["a", "b", "a"].map((key) => store.decide(admissionOf(key))));
    expect(outcomes.map(({ allowed, nowMs }) => [allowed, nowMs])).toEqual(Array(3).fill([true, NOW_MS]));
    expect(outcomes[0]?.findings[0]).toMatchObject({ remaining: 9, blocked: false });
    expect(batches).toMatchObject([
      {
        keys: [`${SCOPE}a`, `${SCOPE}b`],
        policies: [{ algorithm: "fixed-window", numbers: [10, 3_600_000] }],
        numbers: [1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1],
        nowMs: undefined,
        place: undefined,
      },
    ]);
  });

  it("sends calls with different explicit times separately, in order", async () => {
    const { store, batches } = fakeStore();
    await Promise.all([1, 1, 2].map((nowMs) => store.decide(admissionOf("a"), { nowMs })));
    expect(batches.map(({ nowMs, numbers }) => [nowMs, numbers.length])).toEqual([
      [1, 10],
      [2, 5],
    ]);
  });

  it("stores odd and long keys as digests", async () => {
    const { store, batches } = fakeStore();
    await store.decide(admissionOf("x".repeat(10_000)));
    expect(batches[0]?.keys).toEqual([expect.stringMatching(/^sluice:default:fixed-window:#[0-9a-f]{64}$/)]);
  });

  it("rejects every call after close", async () => {
    const { store } = fakeStore();
    await store.close();
    await store.close();
    const closed = { code: "CLOSED", message: expect.stringContaining("the fake store is closed") };
    await expect(store.decide(admissionOf("a"))).rejects.toMatchObject(closed);
    await expect(store.atomicUpdate("a", () => undefined)).rejects.toMatchObject(closed);
    await expect(store.delete("a")).rejects.toMatchObject(closed);
    await expect(store.healthCheck()).rejects.toMatchObject(closed);
    await expect(store.importEntries([])).rejects.toMatchObject(closed);
    await expect(listed(store)).rejects.toMatchObject(closed);
  });

  it("rejects further methods after close too", async () => {
    const store = createRemoteStore(
      {
        name: "fake",
        createHash,
        decide: () => Promise.reject(new Error("not called")),
        update: async () => undefined,
        remove: async () => undefined,
        async *pages() {},
        imports: { size: 1, atOnce: 1, write: async () => [] },
      },
      { double: async (value: number) => 2 * value },
    );
    expect(await store.double(2)).toBe(4);
    await store.close();
    await expect(store.double(2)).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("a batch", () => {
  it("is retried immediately while nothing has run, and gives up after 20 tries", async () => {
    let tries = 0;
    const { store, batches } = fakeStore({
      send: async (batch) => (++tries < 3 ? { all: "again" } : { numbers: granted(batch) }),
    });
    expect(await store.decide(admissionOf("a"))).toMatchObject({ allowed: true });
    expect(batches).toHaveLength(3);
    const { store: never, batches: sent } = fakeStore({ send: async () => ({ all: "again" }) });
    await expect(never.decide(admissionOf("a"))).rejects.toMatchObject({ code: "STORE_CONTENDED" });
    expect(sent).toHaveLength(20);
  });

  it("retries only unanswered calls whose deadline has not passed", async () => {
    const lateMs = performance.now() + 50;
    const { store, batches } = fakeStore({
      async send(batch) {
        if (batches.length > 1) return { numbers: granted(batch) };
        while (performance.now() <= lateMs) await new Promise((resolve) => setTimeout(resolve, 5));
        return {
          numbers: [NOW_MS, 1, ...used(1), -2, -2],
          otherwise: () => "again",
        };
      },
    });
    const [granted1, again, late] = await Promise.allSettled([
      store.decide(admissionOf("a")),
      store.decide(admissionOf("b")),
      store.decide(admissionOf("c"), { deadlineMs: lateMs }),
    ]);
    expect(granted1).toMatchObject({ status: "fulfilled" });
    expect(again).toMatchObject({ status: "fulfilled" });
    expect(late).toMatchObject({ status: "rejected", reason: { code: "STORE_TIMEOUT" } });
    expect(batches.map(({ keys }) => keys.length)).toEqual([3, 1]);
  });

  it("returns a decision after its deadline, since its charge may have to be refunded", async () => {
    const lateMs = performance.now() + 20;
    const { store, batches } = fakeStore({
      async send(batch) {
        while (performance.now() <= lateMs) await new Promise((resolve) => setTimeout(resolve, 5));
        return { numbers: granted(batch) };
      },
    });
    expect(await store.decide(admissionOf("a"), { deadlineMs: lateMs })).toMatchObject({ allowed: true });
    expect(batches).toHaveLength(1);
  });

  it("rejects a single admission if its state is unreadable or it failed alone", async () => {
    const failure = new SluiceError("STORE_FAILED", "refused");
    const { store } = fakeStore({
      send: async () => ({ numbers: [NOW_MS, -1, -2, 1, ...used(3)], otherwise: () => failure }),
    });
    const [unreadable, refused, fine] = await Promise.allSettled(
      ["a", "b", "c"].map((key) => store.decide(admissionOf(key))),
    );
    expect(unreadable).toMatchObject({ reason: { code: "STORE_STATE_UNREADABLE" } });
    expect(refused).toMatchObject({ reason: failure });
    expect(fine).toMatchObject({ value: { allowed: true, findings: [{ remaining: 7 }] } });
  });

  it("keeps decisions that were made before a retry of the batch failed", async () => {
    const { store, batches } = fakeStore({
      async send() {
        if (batches.length > 1) throw new SluiceError("STORE_FAILED", "the connection broke");
        return { numbers: [NOW_MS, 1, ...used(1), -2], otherwise: () => "again" };
      },
    });
    const [decided, failed] = await Promise.allSettled(["a", "b"].map((key) => store.decide(admissionOf(key))));
    expect(decided).toMatchObject({ status: "fulfilled", value: { allowed: true } });
    expect(failed).toMatchObject({ status: "rejected", reason: { code: "STORE_FAILED" } });
  });

  it.each([
    ["too few numbers", [NOW_MS, 1, 0]],
    ["too many numbers", [NOW_MS, 1, ...used(1), 5]],
    ["an unknown verdict", [NOW_MS, 7]],
  ])("rejects a reply with %s", async (_, numbers) => {
    const { store } = fakeStore({ send: async () => ({ numbers }) });
    await expect(store.decide(admissionOf("a"))).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringContaining("the reply has"),
    });
  });

  it("retries admissions that the database left undecided", async () => {
    const HELD = Symbol("held");
    let batches = 0;
    const { store } = fakeStore({
      send: async (batch) => (++batches < 3 ? { all: HELD } : { numbers: granted(batch) }),
      async undecided(answer, { admission }, tookMs, ask) {
        expect(answer).toBe(HELD);
        expect(admission.claims).toHaveLength(1);
        expect(tookMs).toBeGreaterThanOrEqual(0);
        expect(await ask()).toBe(HELD);
        return (await ask()) as never;
      },
    });
    expect(await store.decide(admissionOf("a"))).toMatchObject({ allowed: true });
    expect(batches).toBe(3);
  });
});

describe("several places", () => {
  it("get one batch each, and fail separately", async () => {
    const { store, batches } = fakeStore({
      places: placesOf(),
      async send(batch) {
        if (batch.place === "b") throw new SluiceError("STORE_FAILED", "b is down");
        return { numbers: granted(batch) };
      },
    });
    const results = await Promise.allSettled(["a1", "b1", "a2"].map((key) => store.decide(admissionOf(key))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(batches.map(({ place, keys }) => [place, keys.length])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });

  it("are peeked, charged in order, and refunded if a later one denies", async () => {
    const { store, batches, updated } = fakeStore({
      places: placesOf(),
      async send(batch) {
        const isCharge = batch.numbers[0] === 1;
        return batch.place === "b" && isCharge ? { numbers: [NOW_MS, 0, ...used(10)] } : { numbers: granted(batch) };
      },
    });
    // The state after the grant of the fake database.
    await store.atomicUpdate(`${SCOPE}a1`, () => ({ state: [1, 0, [NOW_MS, 1]], ttlMs: 60_000 }));
    expect(await store.decide(admissionOf("a1", "b1"))).toMatchObject({ allowed: false });
    expect(batches.map(({ place, numbers }) => `${numbers[0] === 1 ? "charge" : "look"} ${place}`)).toEqual([
      "look a",
      "look b",
      "charge a",
      "charge b",
    ]);
    expect(updated).toEqual([`${SCOPE}a1`, `${SCOPE}a1`]);
    expect(await store.atomicUpdate(`${SCOPE}a1`, () => undefined)).toEqual([1, 0, [NOW_MS, 0]]);
  });

  it("found while a batch is sent: the calls are decided again, each in its place", async () => {
    const places = { ...placesOf(), split: false };
    const { store, batches } = fakeStore({
      places,
      async send(batch) {
        if (batch.place !== undefined) return { numbers: granted(batch) };
        places.split = true;
        return { all: "moved" };
      },
    });
    const outcomes = await Promise.all([store.decide(admissionOf("a1")), store.decide(admissionOf("a2", "b1"))]);
    expect(outcomes).toMatchObject([{ allowed: true }, { allowed: true }]);
    expect(batches.filter(({ place }) => place === undefined)).toHaveLength(1);
  });

  it("decide claim by claim with compare-and-set if a batch cannot", async () => {
    const { store, updated } = fakeStore({ send: async () => ({ all: "apart" }) });
    expect(await store.decide(admissionOf("a", "b"))).toMatchObject({
      allowed: true,
      findings: [{ remaining: 9 }, { remaining: 9 }],
    });
    expect(updated).toEqual([`${SCOPE}a`, `${SCOPE}b`]);
  });
});

describe("entries", () => {
  const entryOf = (key: string): ExportedEntry => ({ key, state: 1, expiresAtMs: 2_000.5 });

  it("are listed with their keys or digests, without the store's own entry", async () => {
    const digest = `#${"0".repeat(64)}`;
    const entries = [`${SCOPE}a`, "#own", SCOPE + digest].map((key) => ({ key, state: 1, expiresAtMs: 5 }));
    const { store } = fakeStore({ entries });
    expect(await listed(store)).toEqual([
      { key: `${SCOPE}a`, state: 1, expiresAtMs: 5 },
      { key: SCOPE + digest, digested: true, state: 1, expiresAtMs: 5 },
    ]);
  });

  it("are imported in pages, each key once, and skipped ones are returned in order", async () => {
    const pages: (readonly StoredEntry[])[] = [];
    const { store } = fakeStore({
      async write(page) {
        pages.push(page);
        return page.flatMap(({ key }, position) => (key.startsWith("taken") ? [position] : []));
      },
    });
    const entries = ["taken 1", "a", "a", "b", "taken 2"].map(entryOf);
    expect(await store.importEntries(entries)).toEqual([entries[0], entries[2], entries[4]]);
    expect(pages.map((page) => page.map(({ key, expiresAtMs }) => [key, expiresAtMs]))).toEqual([
      [
        ["taken 1", 2_001],
        ["a", 2_001],
      ],
      [
        ["b", 2_001],
        ["taken 2", 2_001],
      ],
    ]);
  });

  it("are imported in pages of one place, even if the places become known during the import", async () => {
    const places = { ...placesOf(), split: false };
    const written: (readonly [string | undefined, number])[] = [];
    const { store } = fakeStore({
      places,
      async write(page, place) {
        if (place === undefined) {
          places.split = true;
          return "moved";
        }
        written.push([place, page.length]);
        return [];
      },
    });
    expect(await store.importEntries(["a1", "b1"].map((key) => entryOf(SCOPE + key)))).toEqual([]);
    expect(written).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
  });
});
