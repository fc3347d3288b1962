import { canExport } from "@sluice/core";
import { absent, protectionSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import * as protections from "../src/index.js";
import { backends } from "./backends.js";

const started = await Promise.all(
  Object.entries(backends).map(async ([name, start]) => [name, await start()] as const),
);
afterAll(() => Promise.all(started.map(([, backend]) => backend.stop())));
const opened = await Promise.all(
  started.map(async ([name, { storage }]) => {
    const store = await protections.openStore(storage, { migrate: true });
    const lists = canExport(store);
    await store.close();
    return { name, storage, lists };
  }),
);

describe.each(opened)("$name", ({ storage, lists }) => {
  protectionSuite({ describe, it, beforeAll, afterAll }, () => protections.openStore(storage), protections, {
    shared: true,
    otherProcess: { module: new URL("./process-store.mjs", import.meta.url), setting: () => storage },
    exportsEntries: lists || absent("the store can't list what it holds"),
  });
});
