import { absent, storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { memoryStore } from "../src/index.js";

storeSuite({ describe, it, beforeAll, afterAll }, () => memoryStore(), {
  decides: true,
  shared: absent("each store has its own memory"),
  ownClock: absent("its clock is this process's"),
  otherProcess: absent("memory is not shared"),
  exportsEntries: true,
  importsEntries: true,
  checksHealth: absent("nothing can be down"),
  unreachable: absent("nothing can be down"),
  interruptible: absent("nothing can be down"),
});
