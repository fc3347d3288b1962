import { startPostgres } from "@sluice/servers";
import { absent, storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { migrate } from "../src/index.js";
import { connectors } from "./clients.js";
import { storesOn } from "./stores.js";

const server = await startPostgres();
const spare = await startPostgres();
afterAll(() => Promise.all([server.stop(), spare.stop()]));

for (const { port } of [server, spare]) {
  const { client, end } = connectors["a Pool of pg"]!(port);
  await migrate(client);
  await end();
}

describe.each(Object.entries(connectors))("PostgreSQL 18 through %s", (name, connect) => {
  const makeStore = storesOn(() => connect(server.port));
  const makeSpare = storesOn(() => connect(spare.port));
  storeSuite({ describe, it, beforeAll, afterAll }, makeStore, {
    decides: true,
    shared: true,
    ownClock: true,
    otherProcess: {
      module: new URL("./process-store.mjs", import.meta.url),
      setting: () => `${server.port} ${name}`,
    },
    exportsEntries: absent("keys that Postgres can't hold are kept as their digest"),
    checksHealth: true,
    unreachable: storesOn(() => connect(1)),
    interruptible: () => ({
      store: makeSpare(),
      interrupt: () => spare.pause(),
      restore: () => spare.resume(),
    }),
    // The functions in the database are the same for all clients.
    operations: name === "a Pool of pg" ? 10_000 : 500,
  });
});
