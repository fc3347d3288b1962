import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSchema, type OpenSqliteClient, openSqlite, type SqliteStore, sqliteStore } from "../src/index.js";

const FAR_MS = Date.now() + 86_400_000;

type Step =
  | { readonly kind: "read" | "delete"; readonly key: string }
  | { readonly kind: "write" | "import"; readonly key: string; readonly value: unknown }
  | { readonly kind: "fail"; readonly key: string }
  | { readonly kind: "sweep" };

const key = fc.constantFrom("a", "b", "c", "#", "\0");
const value = fc.oneof(
  fc.integer(),
  fc.constant(null),
  fc.constant([1, 0, [1, 2]]),
  fc.constant([1, 0, null]),
  fc.string(),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("read" as const, "delete" as const), key }),
  fc.record({ kind: fc.constantFrom("write" as const, "import" as const), key, value }),
  fc.record({ kind: fc.constant("fail" as const), key }),
  fc.record({ kind: fc.constant("sweep" as const) }),
);

function onStore(store: SqliteStore, one: Step): Promise<unknown> {
  switch (one.kind) {
    case "read":
      return store.atomicUpdate(one.key, () => undefined);
    case "delete":
      return store.delete(one.key);
    case "write":
      return store.atomicUpdate(one.key, (state) => ({ state: [one.value, state === undefined], ttlMs: 86_400_000 }));
    case "import":
      return store.importEntries([{ key: one.key, state: one.value, expiresAtMs: FAR_MS }]).then((left) => left.length);
    case "fail":
      return store
        .atomicUpdate(one.key, () => {
          throw new Error("thrown by the update");
        })
        .catch((error: Error) => error.message);
    case "sweep":
      return store.sweep();
  }
}

function onMap(map: Map<string, unknown>, one: Step): unknown {
  switch (one.kind) {
    case "read":
      return map.get(one.key);
    case "delete":
      map.delete(one.key);
      return undefined;
    case "write":
      map.set(one.key, [one.value, !map.has(one.key)]);
      return map.get(one.key);
    case "import":
      if (map.has(one.key)) return 1;
      map.set(one.key, one.value);
      return 0;
    case "fail":
      return "thrown by the update";
    case "sweep":
      return 0;
  }
}

let client: OpenSqliteClient;
beforeAll(async () => {
  client = await openSqlite(":memory:");
  await createSchema(client);
});
afterAll(() => client.close());

it("mixed calls of one turn have the same effect as sequential calls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 10 }), { maxLength: 3 }), async (turns) => {
      client.exec("DELETE FROM sluice_entries");
      const store = sqliteStore({ client });
      const map = new Map<string, unknown>();
      for (const steps of turns) {
        const results = await Promise.all(steps.map((one) => onStore(store, one)));
        expect(results).toEqual(steps.map((one) => onMap(map, one)));
      }
      for (const one of ["a", "b", "c", "#", "\0"]) {
        expect(await store.atomicUpdate(one, () => undefined)).toEqual(map.get(one));
      }
      let listed = 0;
      for await (const _ of store.exportEntries()) listed++;
      expect(listed).toBe(map.size);
    }),
    { numRuns: 500 },
  );
});
