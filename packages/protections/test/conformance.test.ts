import { memoryStore } from "@sluice/store-memory";
import { absent, modelStore, protectionSuite, threeMethodsOf } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import * as protections from "../src/index.js";

const runner = { describe, it, beforeAll, afterAll };
const ALONE = absent("memory is not shared");

describe("memory", () => {
  protectionSuite(runner, memoryStore, protections, { shared: ALONE, otherProcess: ALONE, exportsEntries: true });
});

describe("a store with three methods", () => {
  protectionSuite(runner, () => threeMethodsOf(modelStore()), protections, {
    shared: ALONE,
    otherProcess: ALONE,
    exportsEntries: absent("it has only three methods"),
  });
});
