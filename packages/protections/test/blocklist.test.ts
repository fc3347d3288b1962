import { isIPv4 } from "node:net";
import { manualClock, modelStore } from "@sluice/testkit";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type Blocklist, type BlocklistOptions, createBlocklist } from "../src/index.js";
import { type CountedStore, countedStore } from "./counted-store.js";

let store: CountedStore;
let clock: ReturnType<typeof manualClock>;
let blocklist: Blocklist;
beforeEach(() => {
  store = countedStore();
  clock = manualClock(1_700_000_000_000);
  blocklist = open();
});

function open(options: Partial<BlocklistOptions> = {}): Blocklist {
  return createBlocklist({ store, clock, ...options });
}

describe("the cache", () => {
  it("answers until it is stale, with one read of the key and one of the ranges", async () => {
    for (let i = 0; i < 5; i++) await blocklist.findBlock("192.0.2.1");
    expect(store.calls()).toBe(2);
    await blocklist.findBlock("192.0.2.2");
    expect(store.calls()).toBe(1);
    await clock.advance(999);
    await blocklist.findBlock("192.0.2.1");
    expect(store.calls()).toBe(0);
    await clock.advance(1);
    await blocklist.findBlock("192.0.2.1");
    expect(store.calls()).toBe(2);
    expect(store.writes()).toBe(0);
  });

  it("answers synchronously", async () => {
    await blocklist.block("ann");
    const entry = await blocklist.findBlock("ann");
    expect(blocklist.look("ann")).toEqual(entry);
  });

  it("reads once for all concurrent calls", async () => {
    await Promise.all(Array.from({ length: 50 }, () => blocklist.findBlock("192.0.2.1")));
    expect(store.calls()).toBe(2);
  });

  it("holds a limited number of keys, the most recent ones", async () => {
    blocklist = open({ cacheSize: 2 });
    for (const key of ["a", "b", "a", "c"]) await blocklist.findBlock(key);
    store.calls();
    await blocklist.findBlock("a");
    expect(store.calls()).toBe(0);
    await blocklist.findBlock("b");
    expect(store.calls()).toBe(1);
  });

  it("includes changes by this process immediately, even during a read", async () => {
    expect(await blocklist.findBlock("ann")).toBeUndefined();
    const reading = open({ staleFor: "1h" });
    const [before] = await Promise.all([reading.findBlock("ann"), reading.block("ann")]);
    expect(before === undefined || before.key === "ann").toBe(true);
    expect(await reading.findBlock("ann")).toBeDefined();
    await reading.unblock("ann");
    expect(await reading.findBlock("ann")).toBeUndefined();
    await reading.block("10.0.0.0/8");
    expect(await reading.findBlock("10.1.1.1")).toBeDefined();
  });

  it("does not outlast a block", async () => {
    blocklist = open({ staleFor: "1h" });
    await blocklist.block("ann", { for: 500 });
    await blocklist.block("10.0.0.0/8", { for: 500 });
    expect(await Promise.all([blocklist.findBlock("ann"), blocklist.findBlock("10.0.0.1")])).not.toContain(undefined);
    await clock.advance(500);
    expect(await blocklist.findBlock("ann")).toBeUndefined();
    expect(await blocklist.findBlock("10.0.0.1")).toBeUndefined();
  });
});

describe("while the store fails", () => {
  it("rejects by default, and does not cache the failure", async () => {
    store.fails = true;
    await expect(blocklist.findBlock("ann")).rejects.toMatchObject({ code: "STORE_FAILED" });
    store.fails = false;
    expect(await blocklist.findBlock("ann")).toBeUndefined();
  });

  it("returns the last known answer if it fails open", async () => {
    blocklist = open({ failOpen: true });
    await blocklist.block("ann", { for: "1h" });
    await blocklist.block("10.0.0.0/8");
    const asked = ["ann", "bob", "10.0.0.1", "11.0.0.1"];
    const blocked = async () => (await Promise.all(asked.map((key) => blocklist.findBlock(key)))).map(Boolean);
    expect(await blocked()).toEqual([true, false, true, false]);
    store.fails = true;
    await clock.advance(60_000);
    expect(await blocked()).toEqual([true, false, true, false]);
    await clock.advance(3_600_000);
    expect(await blocked()).toEqual([false, false, true, false]);
    const fresh = open({ failOpen: true });
    expect(await fresh.findBlock("10.0.0.1")).toBeUndefined();
    await expect(fresh.block("ann")).rejects.toMatchObject({ code: "STORE_FAILED" });
  });

  it("rejects after the timeout if the store does not answer", async () => {
    const silent = { ...modelStore(), atomicUpdate: () => new Promise<never>(() => {}) };
    const waiting = createBlocklist({ store: silent, timeout: 20 });
    await expect(waiting.findBlock("ann")).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
  });
});

describe("ranges", () => {
  it("are limited in number", async () => {
    for (let i = 0; i < 1_000; i++) await blocklist.block(`10.${i >> 8}.${i & 255}.0/24`);
    await expect(blocklist.block("11.0.0.0/24")).rejects.toMatchObject({ code: "BLOCKLIST_FULL" });
    await blocklist.block("10.0.0.0/24", { reason: "this one is there already" });
    await blocklist.unblock("10.0.0.0/24");
    await blocklist.block("11.0.0.0/24", { for: "1m" });
    await expect(blocklist.block("12.0.0.0/24")).rejects.toMatchObject({ code: "BLOCKLIST_FULL" });
    await clock.advance(60_000);
    await blocklist.block("12.0.0.0/24");
    expect(await blocklist.findBlock("12.0.0.1")).toBeDefined();
  });

  it("are limited in bytes", async () => {
    const reason = "\u{1f6d1}".repeat(128);
    const blockAll = async () => {
      for (let i = 0; i < 1_000; i++) await blocklist.block(`10.${i >> 8}.${i & 255}.0/24`, { reason });
    };
    await expect(blockAll()).rejects.toMatchObject({ code: "BLOCKLIST_FULL" });
    expect(await blocklist.findBlock("10.0.0.1")).toBeDefined();
  });

  it("contain the addresses that start with their bits, and no others", async () => {
    const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    const ipv4 = octets.map((bytes) => bytes.join("."));
    const ipv6 = groups.filter(([a]) => a !== 0).map((parts) => parts.map((part) => part.toString(16)).join(":"));
    const range = fc.oneof(
      fc.tuple(ipv4, fc.integer({ min: 0, max: 31 })),
      fc.tuple(
        ipv6,
        fc.integer({ min: 0, max: 128 }).filter((bits) => bits !== 56),
      ),
    );
    // Addresses that differ from a range by one bit.
    const address = fc.oneof(ipv4, ipv6);
    await fc.assert(
      fc.asyncProperty(
        fc.array(range, { maxLength: 6 }),
        fc.array(address, { minLength: 1, maxLength: 5 }),
        async (ranges, extra) => {
          store = countedStore();
          blocklist = open();
          for (const [start, bits] of ranges) await blocklist.block(`${start}/${bits}`);
          const flipped = ranges.flatMap(([start, bits]) => [start, flip(start, bits - 1), flip(start, bits)]);
          for (const one of [...extra, ...flipped]) {
            const inside = ranges.filter(
              ([start, bits]) => binary(one).startsWith(binary(start).slice(0, bits)) && isIPv4(one) === isIPv4(start),
            );
            const entry = await blocklist.findBlock(one);
            expect(entry === undefined, `${one} in ${JSON.stringify(ranges)}`).toBe(inside.length === 0);
            const longest = Math.max(...inside.map(([, bits]) => bits));
            if (entry !== undefined) expect(Number(entry.key.split("/")[1])).toBe(longest);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("a block without an end", () => {
  it("is renewed by a read before it would expire", async () => {
    await blocklist.block("ann");
    await blocklist.block("10.0.0.0/8");
    store.writes();
    const half = 2 ** 36;
    for (const [ms, writes] of [
      [half, 0],
      [1_000, 2],
      [half, 0],
      [half, 2],
    ] as const) {
      await clock.advance(ms);
      expect(await blocklist.findBlock("ann")).toMatchObject({ sinceMs: 1_700_000_000_000, untilMs: undefined });
      expect(await blocklist.findBlock("10.0.0.1")).toBeDefined();
      expect(store.writes()).toBe(writes);
    }
  });
});

describe("a clock that steps back", () => {
  it.each([1, 3_600_000, 31_536_000_000])("does not extend a block: %i ms", async (backMs) => {
    for (const key of ["ann", "10.0.0.0/8"]) await blocklist.block(key, { for: "1s" });
    await blocklist.block("bob");
    await blocklist.findBlock("10.0.0.1");
    await clock.advance(-backMs);
    store.writes();
    for (const key of ["ann", "10.0.0.1"]) {
      expect(await blocklist.findBlock(key)).toMatchObject({ untilMs: clock.nowMs() + 1_000 });
      expect(await open().findBlock(key)).toBeDefined();
    }
    // One record of the key, and one of all ranges.
    expect(store.writes()).toBe(2);
    await clock.advance(999);
    expect(await blocklist.findBlock("ann")).toBeDefined();
    await clock.advance(1);
    for (const key of ["ann", "10.0.0.1"]) expect(await blocklist.findBlock(key)).toBeUndefined();
    expect(await blocklist.findBlock("bob")).toBeDefined();
  });

  it("does not change the length of a later block", async () => {
    await blocklist.block("ann", { for: "1h" });
    await clock.advance(-86_400_000);
    const { untilMs = 0 } = await blocklist.block("ann", { for: "1s" });
    expect(untilMs - clock.nowMs()).toBe(3_600_000);
  });
});

describe("wrong arguments", () => {
  it.each(["", undefined, null, 7])("refuses the key %j", async (key) => {
    for (const call of [blocklist.block, blocklist.unblock, blocklist.findBlock]) {
      await expect(call(key as string)).rejects.toMatchObject({ code: "INVALID_KEY" });
    }
  });

  it.each(["10.0.0.0/33", "2001:db8::/129", "::ffff:10.0.0.0/8", "10.0.0/8", "10.0.0.256/8"])(
    "refuses to block the network %j, but looks it up as a client name",
    async (key) => {
      for (const call of [blocklist.block, blocklist.unblock]) {
        await expect(call(key)).rejects.toMatchObject({ code: "INVALID_KEY" });
      }
      expect(await blocklist.findBlock(key)).toBeUndefined();
    },
  );

  it.each([
    [{ for: 0 }, "INVALID_OPTION"],
    [{ for: "soon" as never }, "INVALID_OPTION"],
    [{ reason: "x".repeat(257) }, "INVALID_OPTION"],
    [{ reason: 7 as never }, "INVALID_OPTION"],
    [{ reson: "typo" } as never, "UNKNOWN_OPTION"],
  ])("refuses block(%j)", async (options, code) => {
    await expect(blocklist.block("ann", options)).rejects.toMatchObject({ code });
    expect(store.calls()).toBe(0);
  });

  it.each([
    [{ staleFor: 0 }, "INVALID_OPTION"],
    [{ staleFor: "2h" as const }, "INVALID_OPTION"],
    [{ cacheSize: 0 }, "INVALID_OPTION"],
    [{ cacheSize: 1.5 }, "INVALID_OPTION"],
    [{ ipv6Prefix: 31 }, "INVALID_OPTION"],
    [{ failOpen: "yes" as never }, "INVALID_OPTION"],
    [{ timeout: 2 ** 31 }, "INVALID_OPTION"],
    [{ prefix: "é" }, "INVALID_OPTION"],
    [{ clock: {} as never }, "INVALID_OPTION"],
    [{ store: {} as never }, "INVALID_STORE"],
    [{ stalefor: 1 }, "UNKNOWN_OPTION"],
  ])("refuses createBlocklist(%j)", (options, code) => {
    expect(() => open(options as object)).toThrow(expect.objectContaining({ code }));
  });

  it("refuses a record of a newer release", async () => {
    await store.atomicUpdate("sluice:blocks:record:ann", () => ({ state: [2, "what?"], ttlMs: 1_000 }));
    await expect(blocklist.findBlock("ann")).rejects.toMatchObject({ code: "STORE_STATE_UNREADABLE" });
    await expect(blocklist.block("ann")).rejects.toMatchObject({ code: "STORE_STATE_UNREADABLE" });
  });
});

/** All bits of an address that is written in full. */
function binary(address: string): string {
  const ipv4 = isIPv4(address);
  const [separator, radix, width] = ipv4 ? ([".", 10, 8] as const) : ([":", 16, 16] as const);
  return address
    .split(separator)
    .map((part) => Number.parseInt(part, radix).toString(2).padStart(width, "0"))
    .join("");
}

/** The address with one bit flipped. */
function flip(address: string, bit: number): string {
  const bits = binary(address).split("");
  if (bits[bit] === undefined) return address;
  bits[bit] = bits[bit] === "0" ? "1" : "0";
  const [separator, radix, width] = isIPv4(address) ? ([".", 10, 8] as const) : ([":", 16, 16] as const);
  const parts = bits.join("").match(new RegExp(`.{${width}}`, "g")) ?? [];
  return parts.map((part) => Number.parseInt(part, 2).toString(radix)).join(separator);
}
