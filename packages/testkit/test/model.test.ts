import { afterAll, beforeAll, describe, it } from "vitest";
import { absent, modelStore, storeSuite, threeMethodsOf } from "../src/index.js";

const runner = { describe, it, beforeAll, afterAll };
const inMemory = {
  shared: absent("each store has its own memory"),
  ownClock: absent("its clock is this process's"),
  otherProcess: absent("memory is not shared"),
  checksHealth: absent("nothing can be down"),
  unreachable: absent("nothing can be down"),
  interruptible: absent("nothing can be down"),
  // Few operations, since the reference equals itself. This tests the suite, not the store.
  operations: 2_000,
};

describe("model store", () => {
  storeSuite(runner, modelStore, { ...inMemory, decides: true, exportsEntries: true, importsEntries: true });
});

describe("model store with three methods only", () => {
  storeSuite(runner, () => threeMethodsOf(modelStore()), {
    ...inMemory,
    decides: absent("three methods are enough"),
    exportsEntries: absent("three methods are enough"),
    importsEntries: absent("three methods are enough"),
  });
});
