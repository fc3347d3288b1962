import {
  absent,
  modelStore,
  type Protections,
  protectionSuite,
  type SuiteRunner,
  threeMethodsOf,
} from "@sluice/testkit";
import { expect, it } from "vitest";
import * as protections from "../src/index.js";

/** Returns the names of the suite's tests that fail with faulty protections. */
async function failures(faulty: Partial<Protections>): Promise<string[]> {
  const tests: { name: string; fn: () => void | Promise<void> }[] = [];
  const runner: SuiteRunner = {
    describe: (_name, fn) => fn(),
    it: Object.assign((name: string, fn: () => void | Promise<void>) => tests.push({ name, fn }), { skip: () => {} }),
    beforeAll: () => {},
    afterAll: () => {},
  };
  const store = modelStore();
  const shared = (): ReturnType<typeof threeMethodsOf> => ({ ...threeMethodsOf(store), close: async () => {} });
  protectionSuite(
    runner,
    shared,
    { ...protections, ...faulty },
    {
      shared: true,
      otherProcess: absent("one process is enough to find these faults"),
      exportsEntries: absent("it has only three methods"),
    },
  );
  const failed: string[] = [];
  for (const { name, fn } of tests) {
    try {
      await fn();
    } catch {
      failed.push(name);
    }
  }
  return failed;
}

const { createDebouncer, createBlocklist, createRegistry }: Protections = protections;

const FAULTS: readonly (readonly [what: string, faulty: Partial<Protections>, found: string])[] = [
  [
    "a debouncer that joins key and fingerprint",
    {
      createDebouncer(options) {
        const debouncer = createDebouncer(options);
        return { ...debouncer, seen: (key, fingerprint = "") => debouncer.seen(`${key}|${fingerprint}`) };
      },
    },
    "different pairs of key and fingerprint are distinct",
  ],
  [
    "a debouncer whose repeats extend the window",
    {
      createDebouncer(options) {
        const debouncer = createDebouncer(options);
        return {
          ...debouncer,
          async seen(key, fingerprint) {
            const duplicate = await debouncer.seen(key, fingerprint);
            if (duplicate) {
              await debouncer.forget(key, fingerprint);
              await debouncer.seen(key, fingerprint);
            }
            return duplicate;
          },
        };
      },
    },
    "repeats do not extend the window, which ends at its time",
  ],
  [
    "a debouncer that reads before it writes",
    {
      createDebouncer({ store, prefix }) {
        const seen = new Map<object, Set<string>>();
        const known = seen.get(store) ?? new Set<string>();
        seen.set(store, known);
        return {
          async seen(key, fingerprint) {
            const name = JSON.stringify([prefix, key, fingerprint]);
            const duplicate = known.has(name);
            await new Promise((resolve) => setTimeout(resolve, 1));
            known.add(name);
            return duplicate;
          },
          forget: async (key, fingerprint) => void known.delete(JSON.stringify([prefix, key, fingerprint])),
        };
      },
    },
    "exactly one of 100 concurrent requests on several handles is not a duplicate",
  ],
  [
    "a blocklist that replaces a longer block",
    {
      createBlocklist(options) {
        const blocklist = createBlocklist(options);
        return {
          ...blocklist,
          async block(key, wish) {
            await blocklist.unblock(key);
            return blocklist.block(key, wish);
          },
        };
      },
    },
    "a later block never shortens a block",
  ],
  [
    "a blocklist that does not normalise addresses",
    {
      createBlocklist(options) {
        const blocklist = createBlocklist(options);
        return { ...blocklist, findBlock: (key) => blocklist.findBlock(`as written ${key}`) };
      },
    },
    "all spellings of an address are the same client",
  ],
  [
    "a blocklist whose cache is never stale",
    { createBlocklist: (options) => createBlocklist({ ...options, staleFor: "1h" }) },
    "another handle sees a block and its removal when its answer is stale",
  ],
  [
    "a registry that reads, changes and writes",
    {
      createRegistry(options) {
        const clients = createRegistry(options);
        return {
          ...clients,
          async update(id, fields) {
            const before = (await clients.get(id))?.fields ?? {};
            const next = typeof fields === "function" ? fields(before) : { ...before, ...fields };
            return clients.update(id, () => next as never);
          },
        };
      },
    },
    "no update is lost among many concurrent ones",
  ],
  [
    "a registry that writes each time a client is seen",
    { createRegistry: (options) => createRegistry({ ...options, touchEvery: 1 }) },
    "a sighting is written only occasionally, and a client that is not seen expires",
  ],
];

it("finds no fault in correct protections", async () => {
  expect(await failures({})).toEqual([]);
});

it.each(FAULTS)("finds %s", async (_what, faulty, found) => {
  expect(await failures(faulty)).toContain(found);
});
