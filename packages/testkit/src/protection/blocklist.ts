import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import { manualClock } from "../manual-clock.js";
import { isAbsent } from "../store/capabilities.js";
import type { ProtectionContext } from "./protection-context.js";
import { PATIENT } from "./protections.js";

const HANDLES = 4;
const START_MS = 1_700_000_000_000;

/** Blocks hold on every handle until they end or are lifted, and no block is lost. */
export function blocklistGroup({ test, capabilities, protections: { createBlocklist } }: ProtectionContext): void {
  test("a block is found until it is lifted", async ({ open, prefix }) => {
    const blocklist = createBlocklist({ store: await open(), prefix, timeout: PATIENT });
    equal(await blocklist.findBlock("ann"), undefined);
    const made = await blocklist.block("ann", { for: "1h", reason: 'knows "why"' });
    deepStrictEqual([made.key, made.reason, Number(made.untilMs) - made.sinceMs], ["ann", 'knows "why"', 3_600_000]);
    deepStrictEqual(await blocklist.findBlock("ann"), made);
    equal(await blocklist.findBlock("ann "), undefined);
    await blocklist.unblock("ann");
    equal(await blocklist.findBlock("ann"), undefined);
    await blocklist.unblock("ann");
  });

  test("a block ends at its time, and one without an end does not", async ({ open, prefix }) => {
    const clock = manualClock(START_MS);
    const blocklist = createBlocklist({ store: await open(), prefix, clock, timeout: PATIENT });
    await blocklist.block("ann", { for: 10_000 });
    await blocklist.block("10.0.0.0/8", { for: 20_000 });
    await blocklist.block("bob");
    await blocklist.block("11.0.0.0/8");
    const names = ["ann", "10.1.2.3", "bob", "11.1.2.3"];
    const blockedAt = async (ms: number): Promise<string[]> => {
      await clock.advance(START_MS + ms - clock.nowMs());
      const entries = await Promise.all(names.map((name) => blocklist.findBlock(name)));
      return names.filter((_, i) => entries[i] !== undefined);
    };
    deepStrictEqual(await blockedAt(9_999), names);
    deepStrictEqual(await blockedAt(10_000), ["10.1.2.3", "bob", "11.1.2.3"]);
    deepStrictEqual(await blockedAt(19_999), ["10.1.2.3", "bob", "11.1.2.3"]);
    deepStrictEqual(await blockedAt(20_000), ["bob", "11.1.2.3"]);
    deepStrictEqual(await blockedAt(2 ** 36), ["bob", "11.1.2.3"]);
    equal((await blocklist.findBlock("bob"))?.untilMs, undefined);
  });

  test("a later block never shortens a block", async ({ open, prefix }) => {
    const clock = manualClock(START_MS);
    const blocklist = createBlocklist({ store: await open(), prefix, clock, timeout: PATIENT });
    for (const key of ["ann", "10.0.0.0/8"]) {
      await blocklist.block(key, { for: 5_000, reason: "first" });
      const longer = { key, sinceMs: START_MS, untilMs: START_MS + 9_000, reason: "second" };
      deepStrictEqual(await blocklist.block(key, { for: 9_000, reason: "second" }), longer);
      deepStrictEqual(await blocklist.block(key, { for: 5_000 }), longer);
      deepStrictEqual(await blocklist.block(key), { ...longer, untilMs: undefined });
      deepStrictEqual(await blocklist.block(key, { for: 5_000 }), { ...longer, untilMs: undefined });
    }
  });

  test("all spellings of an address are the same client", async ({ open, prefix }) => {
    const blocklist = createBlocklist({ store: await open(), prefix, timeout: PATIENT });
    equal((await blocklist.block("::ffff:cb00:7107")).key, "203.0.113.7");
    equal((await blocklist.block("2001:DB8:0:1200::1")).key, "2001:db8:0:1200::/56");
    for (const same of ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8:0:12ff::9", "2001:db8:0:1200::/56"]) {
      ok(await blocklist.findBlock(same), same);
    }
    for (const other of ["203.0.113.8", "2001:db8:0:1300::1", "::203.0.113.7"]) {
      equal(await blocklist.findBlock(other), undefined, other);
    }
    await blocklist.unblock("::ffff:203.0.113.7");
    equal(await blocklist.findBlock("203.0.113.7"), undefined);
  });

  test("a network blocks its addresses, and the smallest matching network is returned", async ({ open, prefix }) => {
    const blocklist = createBlocklist({ store: await open(), prefix, timeout: PATIENT });
    for (const network of ["10.1.2.3/8", "10.1.0.0/16", "2001:db8::/32", "::ffff:192.0.2.0/120", "fe80::1/128"]) {
      await blocklist.block(network);
    }
    const inside: Readonly<Record<string, string>> = {
      "10.2.0.1": "10.0.0.0/8",
      "::ffff:10.2.0.1": "10.0.0.0/8",
      "10.1.255.255": "10.1.0.0/16",
      "2001:db8:ffff::1": "2001:db8::/32",
      "192.0.2.255": "192.0.2.0/24",
      "fe80::1%eth0": "fe80::1/128",
    };
    for (const [address, network] of Object.entries(inside)) {
      equal((await blocklist.findBlock(address))?.key, network, address);
    }
    for (const address of ["11.0.0.1", "9.255.255.255", "2001:db9::1", "192.0.3.0", "fe80::2", "::10.1.2.3"]) {
      equal(await blocklist.findBlock(address), undefined, address);
    }
    await blocklist.unblock("10.1.0.0/16");
    equal((await blocklist.findBlock("10.1.0.1"))?.key, "10.0.0.0/8");
    await blocklist.unblock("10.0.0.0/8");
    equal(await blocklist.findBlock("10.1.0.1"), undefined);
  });

  test("another handle sees a block and its removal when its answer is stale", async ({ openSeveral, prefix }) => {
    const clock = manualClock(START_MS);
    const [one, other] = (await openSeveral(2)).map((store) =>
      createBlocklist({ store, prefix, clock, staleFor: 1_000, timeout: PATIENT }),
    ) as [ReturnType<typeof createBlocklist>, ReturnType<typeof createBlocklist>];
    equal(await other.findBlock("10.0.0.1"), undefined);
    await one.block("10.0.0.1");
    await clock.advance(999);
    equal(await other.findBlock("10.0.0.1"), undefined);
    await clock.advance(1);
    ok(await other.findBlock("10.0.0.1"));
    await one.unblock("10.0.0.1");
    await one.block("10.0.0.0/24");
    await clock.advance(1_000);
    equal((await other.findBlock("10.0.0.1"))?.key, "10.0.0.0/24");
  });

  test("no block is lost among many concurrent ones", async ({ openSeveral, prefix }) => {
    const blocklists = (await openSeveral(HANDLES)).map((store) =>
      createBlocklist({ store, prefix, timeout: PATIENT }),
    );
    const on = (i: number) => blocklists[i % HANDLES] as (typeof blocklists)[0];
    const networks = Array.from({ length: 40 }, (_, i) => `10.${i}.0.0/16`);
    await Promise.all([
      ...networks.map((network, i) => on(i).block(network)),
      ...networks.map((_, i) => on(i).block("ann", { for: 60_000 + ((i * 7) % 40) * 60_000 })),
    ]);
    const found = await Promise.all(networks.map((_, i) => on(i + 1).findBlock(`10.${i}.1.2`)));
    deepStrictEqual(
      found.map((entry) => entry?.key),
      networks,
    );
    const block = await on(0).findBlock("ann");
    const lastsMs = Number(block?.untilMs) - Number(block?.sinceMs);
    ok(lastsMs >= 40 * 60_000, `the longest block must win, but the block lasts ${lastsMs} ms`);
  });

  if (isAbsent(capabilities.exportsEntries)) {
    test("refuses to list blocks if the store cannot list entries", async ({ open, prefix }) => {
      const blocklist = createBlocklist({ store: await open(), prefix, timeout: PATIENT });
      await rejects(blocklist.list(), { code: "NOT_LISTABLE" });
    });
  } else {
    test("lists current blocks", async ({ open, prefix }) => {
      const store = await open();
      const blocklist = createBlocklist({ store, prefix, timeout: PATIENT });
      await createBlocklist({ store, prefix: `${prefix}-other`, timeout: PATIENT }).block("somebody else's");
      const long = "x".repeat(1_000);
      const made = await Promise.all(["ann", long, "10.0.0.1", "10.0.0.0/8"].map((key) => blocklist.block(key)));
      await blocklist.block("bob");
      await blocklist.unblock("bob");
      const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
      deepStrictEqual([...(await blocklist.list())].sort(byKey), made.sort(byKey));
    });
  }
}
