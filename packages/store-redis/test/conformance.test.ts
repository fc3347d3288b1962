import { startRedis } from "@sluice/servers";
import { storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { connectors } from "./clients.js";
import { expectLifetimes } from "./lifetimes.js";
import { storesOn } from "./stores.js";

const server = await startRedis();
const spare = await startRedis();
afterAll(() => Promise.all([server.stop(), spare.stop()]));

describe.each(Object.entries(connectors))("Redis through %s", (name, connect) => {
  const makeStore = storesOn(() => connect(server.port));
  const makeSpare = storesOn(() => connect(spare.port));
  storeSuite({ describe, it, beforeAll, afterAll }, makeStore, {
    decides: true,
    shared: true,
    ownClock: true,
    otherProcess: { module: new URL("./process-store.mjs", import.meta.url), setting: () => String(server.port) },
    exportsEntries: true,
    importsEntries: true,
    checksHealth: true,
    unreachable: storesOn(() => connect(1)),
    interruptible: async () => ({
      store: await makeSpare(),
      interrupt: async () => spare.pause(),
      restore: async () => spare.resume(),
    }),
    // The scripts are the same for all clients.
    operations: name === "ioredis 6" ? 10_000 : 500,
  });
});

it("gives every key of all these tests a lifetime", () => expectLifetimes([server.port, spare.port]));
