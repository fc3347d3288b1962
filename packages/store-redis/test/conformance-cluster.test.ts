import { startRedisCluster } from "@sluice/servers";
import { absent, storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { clusterConnectors } from "./clients.js";
import { expectLifetimes } from "./lifetimes.js";
import { storesOn } from "./stores.js";

const cluster = await startRedisCluster({ masters: 3 });
afterAll(() => cluster.stop());

describe.each(Object.entries(clusterConnectors))("Redis Cluster through %s", (name, connect) => {
  storeSuite(
    { describe, it, beforeAll, afterAll },
    storesOn(() => connect(cluster.ports)),
    {
      decides: true,
      shared: true,
      ownClock: true,
      otherProcess: { module: new URL("./process-store.mjs", import.meta.url), setting: () => cluster.ports.join(",") },
      exportsEntries: true,
      importsEntries: true,
      checksHealth: true,
      unreachable: absent("tested on a single server"),
      interruptible: absent("tested on a single server"),
      operations: name === "ioredis 6" ? 10_000 : 500,
    },
  );
});

it("gives every key of all these tests a lifetime", () => expectLifetimes(cluster.ports));
