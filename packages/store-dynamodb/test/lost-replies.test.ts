import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { createLimiter, fixedWindow, slidingLog, tokenBucket } from "@sluice/core";
import { startProxy } from "@sluice/servers";
import { expect, it } from "vitest";
import { dynamodbStore } from "../src/index.js";
import { connect } from "./clients.js";
import { countRequests } from "./counted.js";
import { serverWithTable, TABLE } from "./server.js";

const { server, openStore } = await serverWithTable();

const policies = [
  tokenBucket({ name: "bucket", rate: 100, interval: "1d" }),
  fixedWindow({ name: "window", limit: 100, window: "1d" }),
  slidingLog({ name: "log", limit: 100, window: "1d" }),
];

/** Replaces the answers of the next `times` requests by `failure`. They reach the server if `sent` is true. */
function failAnswers(client: DynamoDBClient, times: number, failure: () => Error, sent: boolean): void {
  let left = times;
  client.middlewareStack.add(
    (next) => async (args) => {
      if (left === 0) return next(args);
      left--;
      if (sent) await next(args);
      throw failure();
    },
    { step: "deserialize", priority: "low", name: "failAnswers" },
  );
}

function serviceError(name: string, status: number, message = name): Error {
  const $fault = status < 500 ? "client" : "server";
  return Object.assign(new Error(message), { name, $fault, $metadata: { httpStatusCode: status } });
}

it.each(policies.map((policy) => [policy.name, policy] as const))(
  "a lost reply causes an error and only one charge, although the SDK would retry, with a %s",
  async (name, policy) => {
    const proxy = await startProxy(server.port);
    const client = connect(`http://127.0.0.1:${proxy.port}`, { maxAttempts: 5 });
    try {
      const requests = countRequests(client);
      const store = dynamodbStore({ client, table: TABLE });
      const limiter = createLimiter({ store, policies: policy, timeout: "5s", prefix: "lost" });
      await limiter.consume("somebody", { cost: 10 });
      requests.take();
      proxy.loseAnswer(0);
      const lost = await limiter.consume("somebody", { cost: 10 });
      expect(lost).toMatchObject({ allowed: false, source: "failClosed", error: { code: "STORE_FAILED" } });
      expect(String(lost.error)).toMatch(/once or not at all/);
      expect(proxy.lost).toBe(1);
      expect(requests.take()).toEqual({ UpdateItemCommand: 1 });
      expect(await limiter.consume("somebody", { cost: 10 }), name).toMatchObject({ allowed: true, remaining: 70 });
    } finally {
      client.destroy();
      await proxy.stop();
    }
  },
);

it("a lost reply to a refund causes an error and only one refund", async () => {
  const { store, client } = openStore({}, { maxAttempts: 5 });
  const limiter = createLimiter({ store, policies, timeout: "5s", prefix: "lost refund" });
  await limiter.consume("somebody", { cost: 50 });
  const decision = await limiter.consume("somebody", { cost: 10 });
  failAnswers(client, 1, () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }), true);
  await expect(limiter.refund(decision)).rejects.toMatchObject({ code: "STORE_FAILED" });
  // The refunds of the policies are separate writes. The first of them got no answer.
  expect((await limiter.peek("somebody")).policies.map(({ remaining }) => remaining)).toEqual([50, 50, 50]);
});

it.each([
  ["a server error", () => serviceError("InternalServerError", 500)],
  ["a timeout", () => Object.assign(new Error("Connection timed out"), { name: "TimeoutError" })],
  ["a broken connection", () => Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })],
  ["an unreadable answer", () => serviceError("SyntaxError", 200)],
])("%s after a write causes an error and only one charge", async (what, failure) => {
  const { store, client, requests } = openStore({}, { maxAttempts: 5 });
  const limiter = createLimiter({ store, policies, timeout: "5s", prefix: "unknown" });
  await limiter.consume(what, { cost: 10 });
  requests.take();
  failAnswers(client, 5, failure, true);
  const lost = await limiter.consume(what, { cost: 10 });
  expect(lost).toMatchObject({ allowed: false, source: "failClosed", error: { code: "STORE_FAILED" } });
  expect(requests.take()).toEqual({ UpdateItemCommand: 1 });
  expect(
    (await createLimiter({ store: openStore().store, policies, prefix: "unknown", timeout: "5s" }).peek(what))
      .remaining,
  ).toBe(80);
});

it("a throttled write was not executed, so the SDK may retry it", async () => {
  const { store, client, requests } = openStore({}, { maxAttempts: 5 });
  const limiter = createLimiter({ store, policies, timeout: "5s", prefix: "throttled" });
  failAnswers(client, 2, () => serviceError("ProvisionedThroughputExceededException", 400), false);
  expect(await limiter.consume("somebody", { cost: 10 })).toMatchObject({ allowed: true, remaining: 90 });
  expect(requests.take()).toEqual({ UpdateItemCommand: 3 });
});

it("the SDK may always retry a read", async () => {
  const { store, client, requests } = openStore({}, { maxAttempts: 5 });
  const limiter = createLimiter({ store, policies, timeout: "5s", prefix: "reads" });
  failAnswers(client, 2, () => serviceError("InternalServerError", 500), true);
  expect(await limiter.peek("somebody")).toMatchObject({ source: "store", remaining: 100 });
  expect(requests.take()).toEqual({ GetItemCommand: 3 });
});

it("in a batch whose calls are answered one after the other, only failed calls reject", async () => {
  const { store, client } = openStore();
  const [policy] = policies as [(typeof policies)[0]];
  const claim = { scope: "batch:bucket:token-bucket:", key: "somebody", policy, cost: 1 };
  const nowMs = Date.now();
  await store.decide({ claims: [claim], charge: true }, { nowMs });
  let answers = 0;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      answers++;
      if (answers === 2) throw serviceError("InternalServerError", 500);
      return result;
    },
    { step: "deserialize", priority: "low", name: "second" },
  );
  // Calls with different times cannot share a write.
  const outcomes = await Promise.allSettled(
    [1, 2, 3].map((later) => store.decide({ claims: [claim], charge: true }, { nowMs: nowMs + later })),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});
