import { type Outcome, remote } from "@sluice/core/store";
import { absent, type StoreGroup, storeSuite } from "@sluice/testkit";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type DynamodbStore, dynamodbStore } from "../src/index.js";
import { connect } from "./clients.js";
import { serverWithTable, TABLE } from "./server.js";

const { server } = await serverWithTable();

/** A store that takes turns between three stores, so that what each knows of an item is usually out of date. */
function byTurns(): DynamodbStore {
  const stores = [1, 2, 3].map(() => dynamodbStore({ client: connect(server.url), table: TABLE }));
  let calls = 0;
  // The turns are irregular, so that some guesses are right.
  const next = (): DynamodbStore => stores[Math.floor(calls++ / 2 + (calls % 5)) % 3] as DynamodbStore;
  return {
    remote,
    algorithms: (stores[0] as DynamodbStore).algorithms,
    decide: (admission, options): Promise<Outcome> => next().decide(admission, options),
    atomicUpdate: (key, update, options) => next().atomicUpdate(key, update, options),
    delete: (key, options) => next().delete(key, options),
    exportEntries: () => next().exportEntries(),
    importEntries: (entries) => next().importEntries(entries),
    createSchema: () => next().createSchema(),
    healthCheck: () => next().healthCheck(),
    connectionError: () => next().connectionError(),
    async close() {
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}

const ELSEWHERE: readonly StoreGroup[] = [
  "basics",
  "several processes",
  "expiry",
  "odd keys",
  "batching",
  "export",
  "lifecycle",
  "failure",
];

describe("stores with stale guesses", () => {
  storeSuite({ describe, it, beforeAll, afterAll }, byTurns, {
    decides: true,
    shared: true,
    ownClock: absent("DynamoDB has no clock that an update could read: the client's decides"),
    otherProcess: absent("tested in conformance.test.ts"),
    exportsEntries: true,
    importsEntries: true,
    checksHealth: true,
    unreachable: absent("tested in conformance.test.ts"),
    interruptible: absent("tested in conformance.test.ts"),
    operations: 1_000,
    skip: Object.fromEntries(ELSEWHERE.map((group) => [group, "tested in conformance.test.ts"])),
  });
});
