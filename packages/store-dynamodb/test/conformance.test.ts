import { startDynamodb } from "@sluice/servers";
import { absent, storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { createSchema, dynamodbStore } from "../src/index.js";
import { ACCESS_KEY, connectors } from "./clients.js";

const TABLE = "limits";
const SAME = "both clients send the same requests";
const server = inject("dynamodb");
const spare = await startDynamodb();
afterAll(() => spare.stop());

describe.each(Object.entries(connectors))("DynamoDB through %s", (name, connect) => {
  const client = connect(server.url);
  const spareClient = connect(spare.url);
  beforeAll(() => Promise.all([createSchema(client, { table: TABLE }), createSchema(spareClient, { table: TABLE })]));

  storeSuite({ describe, it, beforeAll, afterAll }, () => dynamodbStore({ client, table: TABLE }), {
    decides: true,
    shared: true,
    ownClock: absent("DynamoDB has no clock that an update could read: the client's decides"),
    otherProcess: {
      module: new URL("./process-store.mjs", import.meta.url),
      setting: () => `${server.url} ${TABLE} ${ACCESS_KEY}`,
    },
    exportsEntries: true,
    importsEntries: true,
    checksHealth: true,
    unreachable: () => dynamodbStore({ client: connect("http://127.0.0.1:1"), table: TABLE }),
    interruptible: async () => {
      const store = dynamodbStore({ client: spareClient, table: TABLE });
      // The first requests to a server take longer than the timeout tests allow.
      for (let i = 0; i < 3; i++) await store.healthCheck();
      return {
        store,
        interrupt: async () => spare.pause(),
        restore: async () => spare.resume(),
      };
    },
    operations: 3_000,
    ...(name !== "DynamoDBClient" && {
      skip: {
        differential: SAME,
        "several processes": SAME,
        "odd keys": SAME,
        expiry: SAME,
        export: SAME,
        import: SAME,
      },
    }),
  });
});
