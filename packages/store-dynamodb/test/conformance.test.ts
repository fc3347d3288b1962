import { startDynamodb } from "@sluice/servers";
import { absent, storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createTable, dynamodbStore } from "../src/index.js";
import { connectors } from "./clients.js";

const TABLE = "limits";
const [server, spare] = await Promise.all([startDynamodb(), startDynamodb()]);
afterAll(() => Promise.all([server.stop(), spare.stop()]));

describe.each(Object.entries(connectors))("DynamoDB through %s", (name, connect) => {
  const client = connect(server.url);
  const spareClient = connect(spare.url);
  beforeAll(() =>
    Promise.all([createTable({ client, table: TABLE }), createTable({ client: spareClient, table: TABLE })]),
  );

  storeSuite({ describe, it, beforeAll, afterAll }, () => dynamodbStore({ client, table: TABLE }), {
    decides: true,
    shared: true,
    ownClock: absent("DynamoDB has no clock that an update could read: the client's decides"),
    otherProcess: {
      module: new URL("./process-store.mjs", import.meta.url),
      setting: () => `${server.url} ${TABLE}`,
    },
    exportsEntries: absent("listing a table means to scan all of it"),
    checksHealth: true,
    unreachable: () => dynamodbStore({ client: connect("http://127.0.0.1:1"), table: TABLE }),
    interruptible: () => ({
      store: dynamodbStore({ client: spareClient, table: TABLE }),
      interrupt: async () => spare.pause(),
      restore: async () => spare.resume(),
    }),
    // What is sent is the same for all clients.
    operations: name === "DynamoDBClient" ? 3_000 : 200,
  });
});
