import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { createLimiter, fixedWindow, type Policy, slidingLog, slidingWindow, tokenBucket } from "@sluice/core";
import { startDynamodb } from "@sluice/servers";
import { createSchema, dynamodbStore } from "@sluice/store-dynamodb";
import { RateLimiterDynamo } from "rate-limiter-flexible";
import { addresses, randomVisits } from "../keys.js";
import { HOUR_MS, HOUR_S, LIMIT } from "../limit.js";
import { concurrentRate, cycle } from "../rate.js";
import type { Case, Suite } from "../suite.js";

const CALLERS = 64;
const KEYS = 1_000;
const DECISIONS = 1_000;

/** Decides, and resolves to whether the request was allowed. Rejects if the server did not decide. */
type Ask = (key: string) => Promise<boolean>;

/** Creates a limiter with this `limit` and a separate table. */
type Make = (client: DynamoDB, table: string, limit: number) => Promise<Ask>;

const sluice =
  (policyOf: (limit: number) => Policy | Policy[], denyCache?: false): Make =>
  async (client, table, limit) => {
    await createSchema(client, { table });
    const { consume } = createLimiter({
      store: dynamodbStore({ client, table }),
      policies: policyOf(limit),
      timeout: "10s",
      denyCache,
    });
    return async (key) => {
      const { allowed, source, error } = await consume(key);
      if (source !== "store" && source !== "cache") throw error;
      return allowed;
    };
  };

const flexible: Make = async (client, tableName, points) => {
  const peer = await new Promise<RateLimiterDynamo>((resolve, reject) => {
    const options = { storeClient: client, tableName, points, duration: HOUR_S };
    const made: RateLimiterDynamo = new RateLimiterDynamo(options, (error) => (error ? reject(error) : resolve(made)));
  });
  return (key) =>
    peer.consume(key).then(
      () => true,
      (denied: unknown) => {
        // rate-limiter-flexible rejects denials, but not with an Error.
        if (denied instanceof Error) throw denied;
        return false;
      },
    );
};

/** A client that counts its requests. */
function counting(endpoint: string): { client: DynamoDB; requests(): number } {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDB({ endpoint, region: "local", credentials });
  let requests = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      requests++;
      return next(args);
    },
    { step: "deserialize", priority: "low", name: "count" },
  );
  return { client, requests: () => requests };
}

function rateCase(id: string, name: string, make: Make, keyCount = KEYS): Case {
  return {
    id,
    name,
    unit: "decisions/s",
    async start({ durationMs, context: { url = "" } }) {
      const { client } = counting(url);
      const ask = await make(client, id, LIMIT);
      const visits = cycle(randomVisits(addresses(keyCount)));
      return {
        run: () => concurrentRate(CALLERS, durationMs, visits, ask, (allowed) => allowed),
        stop: async () => client.destroy(),
      };
    },
  };
}

/** Counts the requests that `callers` callers send for 1,000 decisions on one key, of which `limit` are allowed. */
function requestCase(id: string, name: string, make: Make, callers: number, limit = LIMIT): Case {
  return {
    id,
    name,
    unit: `requests/${DECISIONS} decisions`,
    once: true,
    async start({ context: { url = "" } }) {
      const { client, requests } = counting(url);
      const ask = await make(client, id, limit);
      return {
        async run() {
          const before = requests();
          let left = DECISIONS;
          let allowed = 0;
          const call = async (): Promise<void> => {
            while (left-- > 0) if (await ask("somebody")) allowed++;
          };
          await Promise.all(Array.from({ length: callers }, call));
          const expected = Math.min(limit, DECISIONS);
          if (allowed !== expected) throw new Error(`${allowed} decisions were allowed instead of ${expected}`);
          return requests() - before;
        },
        stop: async () => client.destroy(),
      };
    },
  };
}

const bucket = (limit: number): Policy => tokenBucket({ rate: limit, interval: HOUR_MS });
const ofBucket = sluice(bucket);
const ofBucketAsked = sluice(bucket, false);
const ofWindow = sluice((limit) => fixedWindow({ limit, window: HOUR_MS }));

const cases: readonly Case[] = [
  requestCase("dynamodb.sluice.requests", "Sluice, one after the other", ofBucket, 1),
  requestCase("dynamodb.sluice.fixed.requests", "Sluice, a fixed window, one after the other", ofWindow, 1),
  requestCase("dynamodb.sluice.denied.requests", "Sluice, one after the other, 990 denied", ofBucket, 1, 10),
  requestCase("dynamodb.sluice.asked.requests", "the same without its deny cache", ofBucketAsked, 1, 10),
  requestCase("dynamodb.sluice.hot.requests", "Sluice, 64 callers", ofBucket, CALLERS),
  requestCase("dynamodb.rate-limiter-flexible.requests", "rate-limiter-flexible, one after the other", flexible, 1),
  requestCase(
    "dynamodb.rate-limiter-flexible.denied.requests",
    "rate-limiter-flexible, one after the other, 990 denied",
    flexible,
    1,
    10,
  ),
  requestCase("dynamodb.rate-limiter-flexible.hot.requests", "rate-limiter-flexible, 64 callers", flexible, CALLERS),
  rateCase("dynamodb.sluice", "Sluice", ofBucket),
  rateCase("dynamodb.sluice.hot", "Sluice, one key", ofBucket, 1),
  rateCase(
    "dynamodb.sluice.four",
    "Sluice, four policies at once",
    sluice((limit) => [
      tokenBucket({ name: "bucket", rate: limit, interval: HOUR_MS }),
      fixedWindow({ name: "fixed", limit, window: HOUR_MS }),
      slidingWindow({ name: "sliding", limit, window: HOUR_MS }),
      slidingLog({ name: "log", limit, window: HOUR_MS }),
    ]),
  ),
  rateCase("dynamodb.rate-limiter-flexible", "rate-limiter-flexible", flexible),
  rateCase("dynamodb.rate-limiter-flexible.hot", "rate-limiter-flexible, one key", flexible, 1),
];

export const dynamodb: Suite = {
  name: "dynamodb",
  rounds: 3,
  durationMs: 3_000,
  packages: ["@aws-sdk/client-dynamodb", "rate-limiter-flexible"],
  cases,
  ratios: [
    {
      id: "dynamodb.requestsPerDecision",
      of: "dynamodb.sluice.requests",
      against: ["dynamodb.rate-limiter-flexible.requests"],
    },
    {
      id: "dynamodb.requestsPerDecision.denied",
      of: "dynamodb.sluice.denied.requests",
      against: ["dynamodb.rate-limiter-flexible.denied.requests"],
    },
    {
      id: "dynamodb.requestsPerDecision.asked",
      of: "dynamodb.sluice.asked.requests",
      against: ["dynamodb.rate-limiter-flexible.denied.requests"],
    },
    {
      id: "dynamodb.requestsPerDecision.hot",
      of: "dynamodb.sluice.hot.requests",
      against: ["dynamodb.rate-limiter-flexible.hot.requests"],
    },
    { id: "dynamodb.peer", of: "dynamodb.sluice", against: ["dynamodb.rate-limiter-flexible"] },
    { id: "dynamodb.peer.hot", of: "dynamodb.sluice.hot", against: ["dynamodb.rate-limiter-flexible.hot"] },
  ],
  async setUp() {
    const server = await startDynamodb();
    return { context: { url: server.url }, versions: {}, stop: server.stop };
  },
};
