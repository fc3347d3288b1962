import { deepStrictEqual, equal, rejects } from "node:assert/strict";
import { manualClock } from "../manual-clock.js";
import { isAbsent } from "../store/capabilities.js";
import type { ProtectionContext } from "./protection-context.js";
import { PATIENT } from "./protections.js";

const HANDLES = 4;
const START_MS = 1_700_000_000_000;

/** Clients are known on every handle until they are forgotten, and no change of a client is lost. */
export function registryGroup({ test, capabilities, protections: { createRegistry } }: ProtectionContext): void {
  test("a client is seen, then registered, changed and removed", async ({ open, prefix }) => {
    const clock = manualClock(START_MS);
    const clients = createRegistry({ store: await open(), prefix, clock, timeout: PATIENT });
    equal(await clients.get("ann"), undefined);
    equal(await clients.isRegistered("ann"), false);
    equal(await clients.update("ann", { plan: "none" }), undefined);
    const seen = {
      id: "ann",
      registered: false,
      firstSeenMs: START_MS,
      lastSeenMs: START_MS,
      fields: { plan: "free" },
    };
    deepStrictEqual(await clients.ensure("ann", { plan: "free" }), seen);
    deepStrictEqual(await clients.ensure("ann", { plan: "paid" }), seen);
    equal(await clients.isRegistered("ann"), false);
    await clock.advance(2_000);
    const registered = { ...seen, registered: true, lastSeenMs: START_MS + 2_000, fields: { plan: "free", seats: 3 } };
    deepStrictEqual(await clients.register("ann", { seats: 3 }), registered);
    equal(await clients.isRegistered("ann"), true);
    const changed = { ...registered, fields: { plan: "paid", seats: 4 } };
    deepStrictEqual(await clients.update("ann", { plan: "paid", seats: 4 }), changed);
    deepStrictEqual(await clients.get("ann"), changed);
    const fewer = { ...registered, fields: { seats: 5 } };
    deepStrictEqual(await clients.update("ann", ({ seats }) => ({ seats: Number(seats) + 1 })), fewer);
    const mistake = new TypeError("not the store's");
    const throwing = (): never => {
      throw mistake;
    };
    await rejects(clients.update("ann", throwing), (error) => error === mistake);
    deepStrictEqual((await clients.get("ann"))?.fields, { seats: 5 });
    await clients.remove("ann");
    equal(await clients.get("ann"), undefined);
    equal(await clients.isRegistered("ann"), false);
    await clients.remove("ann");
  });

  test("a sighting is written only occasionally, and a client that is not seen expires", async ({ open, prefix }) => {
    const clock = manualClock(START_MS);
    const times = { touchEvery: 60_000, forgetAfter: 600_000, staleFor: 1_000 };
    const clients = createRegistry({ store: await open(), prefix, clock, ...times, timeout: PATIENT });
    const seenAfter = async (ms: number): Promise<unknown> => {
      await clock.advance(START_MS + ms - clock.nowMs());
      const { firstSeenMs, lastSeenMs } = await clients.ensure("ann");
      return [firstSeenMs - START_MS, lastSeenMs - START_MS];
    };
    deepStrictEqual(await seenAfter(0), [0, 0]);
    deepStrictEqual(await seenAfter(59_999), [0, 0]);
    deepStrictEqual(await seenAfter(61_000), [0, 61_000]);
    deepStrictEqual(await seenAfter(120_000), [0, 61_000]);
    await clients.update("ann", { changed: 1 });
    await clock.advance(540_999);
    equal((await clients.get("ann"))?.lastSeenMs, START_MS + 61_000);
    await clock.advance(1);
    equal(await clients.get("ann"), undefined);
    deepStrictEqual(await seenAfter(661_000), [661_000, 661_000]);
  });

  test("no update is lost among many concurrent ones", async ({ openSeveral, prefix }) => {
    const registries = (await openSeveral(HANDLES)).map((store) => createRegistry({ store, prefix, timeout: PATIENT }));
    const on = (i: number) => registries[i % HANDLES] as (typeof registries)[0];
    const several = Array.from({ length: 40 }, (_, i) => i);
    await on(0).ensure("ann");
    await Promise.all(
      several.flatMap((i) => [
        on(i).update("ann", { [`field-${i}`]: i }),
        on(i).update("ann", ({ count = 0, ...fields }) => ({ ...(fields as object), count: Number(count) + 1 })),
      ]),
    );
    const { fields } = await on(1).register("ann");
    deepStrictEqual(fields, { ...Object.fromEntries(several.map((i) => [`field-${i}`, i])), count: 40 });
  });

  test("another handle sees registered clients", async ({ openSeveral, prefix }) => {
    const clock = manualClock(START_MS);
    const [one, other] = (await openSeveral(2)).map((store) =>
      createRegistry({ store, prefix, clock, staleFor: 1_000, timeout: PATIENT }),
    ) as [ReturnType<typeof createRegistry>, ReturnType<typeof createRegistry>];
    equal(await other.isRegistered("ann"), false);
    await one.register("ann");
    await clock.advance(999);
    equal(await other.isRegistered("ann"), false);
    await clock.advance(1);
    equal(await other.isRegistered("ann"), true);
  });

  if (isAbsent(capabilities.exportsEntries)) {
    test("refuses to list clients if the store cannot list entries", async ({ open, prefix }) => {
      await rejects(createRegistry({ store: await open(), prefix, timeout: PATIENT }).list(), { code: "NOT_LISTABLE" });
    });
  } else {
    test("lists current clients", async ({ open, prefix }) => {
      const clients = createRegistry({ store: await open(), prefix, timeout: PATIENT });
      const made = [await clients.ensure("ann", { plan: "free" }), await clients.register("bob")];
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      deepStrictEqual([...(await clients.list())].sort(byId), made);
    });
  }
}
