import { storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { connectors } from "./clients.js";
import { describeDatabases, startDatabases } from "./database.js";
import { storesOn } from "./stores.js";

const databases = await startDatabases();
const spares = await startDatabases();

describeDatabases(databases, ({ server }, database) => {
  const spare = spares[database]!.server;
  // The functions in the database are the same for all clients.
  const kinds = database === "PostgreSQL 18" ? Object.keys(connectors) : ["a Pool of pg"];

  describe.each(kinds)("through %s", (kind) => {
    const connect = connectors[kind]!;
    const makeSpare = storesOn(() => connect(spare.port));
    const operations = kind !== "a Pool of pg" ? 500 : database === "PostgreSQL 18" ? 10_000 : 2_000;
    storeSuite(
      { describe, it, beforeAll, afterAll },
      storesOn(() => connect(server.port)),
      {
        decides: true,
        shared: true,
        ownClock: true,
        otherProcess: {
          module: new URL("./process-store.mjs", import.meta.url),
          setting: () => `${server.port} ${kind}`,
        },
        exportsEntries: true,
        importsEntries: true,
        checksHealth: true,
        unreachable: storesOn(() => connect(1)),
        interruptible: () => ({
          store: makeSpare(),
          interrupt: () => spare.pause(),
          restore: () => spare.resume(),
        }),
        operations,
      },
    );
  });
});
