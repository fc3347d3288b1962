import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDB, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocument, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { createLimiter, slidingWindow } from "@sluice/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type DynamodbClient, dynamodbStore } from "../src/index.js";
import { ACCESS_KEY, connect } from "./clients.js";
import { serverWithTable, TABLE } from "./server.js";

const { server } = await serverWithTable();
afterEach(() => {
  vi.unstubAllEnvs();
});

const policies = slidingWindow({ limit: 3, window: "1d" });
const quiet = { storeError() {}, storeRecovered() {} };

function limiterOn(client: DynamodbClient, prefix: string, timeout = 5_000) {
  return createLimiter({
    store: dynamodbStore({ client, table: TABLE }),
    policies,
    prefix,
    timeout,
    denyCache: false,
    on: quiet,
  });
}

/** A client whose replies are changed. */
function withReplies(change: (reply: Record<string, unknown>) => unknown): DynamodbClient {
  const client = connect(server.url);
  return {
    config: client.config,
    middlewareStack: client.middlewareStack,
    send: async (...args: never[]) => change((await client.send(...(args as unknown as [never]))) as never),
  } as DynamodbClient;
}

describe("a client", () => {
  const config = { endpoint: "", region: "local", credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: "local" } };
  it.each<[string, (endpoint: string) => DynamodbClient]>([
    ["DynamoDBClient", (endpoint) => new DynamoDBClient({ ...config, endpoint })],
    ["DynamoDB", (endpoint) => new DynamoDB({ ...config, endpoint })],
    ["DynamoDBDocumentClient", (endpoint) => DynamoDBDocumentClient.from(new DynamoDBClient({ ...config, endpoint }))],
    ["DynamoDBDocument", (endpoint) => DynamoDBDocument.from(new DynamoDB({ ...config, endpoint }))],
  ])("may be a %s", async (name, create) => {
    const limiter = limiterOn(create(server.url), name);
    const allowed: boolean[] = [];
    for (let i = 0; i < 5; i++) {
      const { source, allowed: granted } = await limiter.consume("somebody");
      expect(source).toBe("store");
      allowed.push(granted);
    }
    expect(allowed).toEqual([true, true, true, false, false]);
  });

  it.each([
    // Objects that look like the two clients of the AWS SDK v2.
    ["AWS SDK v2", { config: {}, makeRequest() {}, getItem() {} }],
    ["AWS SDK v2", { options: {}, service: { makeRequest() {} }, get() {} }],
    ["class DynamoDBClient", DynamoDBClient],
    ["a promise", Promise.resolve(connect("http://127.0.0.1:1"))],
    ["a client of S3", { send() {}, config: { serviceId: "S3" } }],
    ["a string", "http://127.0.0.1:8000"],
    ["class Map", new Map()],
    ["undefined", undefined],
  ])("is refused if it is %s, with what to pass instead", (found, client) => {
    const refused = expect.objectContaining({
      code: "INVALID_CLIENT",
      message: expect.stringMatching(new RegExp(`got .*${found}.*new DynamoDBClient`)),
    });
    expect(() => dynamodbStore({ client: client as never, table: TABLE })).toThrow(refused);
  });

  // In older versions, each command had this middleware instead of the client.
  const hasSerializer = connect(server.url).middlewareStack.remove("serializerMiddleware");

  it.skipIf(!hasSerializer)("is refused if its version cannot send the commands", () => {
    const client = connect(server.url);
    client.middlewareStack.remove("serializerMiddleware");
    const refused = expect.objectContaining({
      code: "INVALID_CLIENT",
      message: expect.stringContaining("npm ls @aws-sdk/client-dynamodb"),
    });
    expect(() => dynamodbStore({ client, table: TABLE })).toThrow(refused);
  });
});

describe("a reply", () => {
  it.each<[string, (reply: Record<string, unknown>) => unknown]>([
    ["that is undefined", () => undefined],
    ["without the item", ({ Attributes: _, ...reply }) => reply],
    ["with an item without types", (reply) => ({ ...reply, Attributes: { pk: "key:1" }, Item: { pk: "key:1" } })],
    ["with a number for an item", (reply) => ({ ...reply, Attributes: 5, Item: 5 })],
  ])("%s is a failure that mentions the reply", async (name, change) => {
    const limiter = limiterOn(withReplies(change), `replies ${name}`);
    const refused = {
      source: "failClosed",
      error: { code: "STORE_FAILED", message: expect.stringContaining("reply") },
    };
    expect(await limiter.consume("somebody")).toMatchObject(refused);
    if (name !== "without the item") expect(await limiter.peek("somebody")).toMatchObject(refused);
  });
});

describe("a client without settings", () => {
  it.each([
    ["region", {}, /Region is missing/, /AWS_REGION/],
    ["credentials", { region: "local" }, /Could not load credentials/, /AWS_ACCESS_KEY_ID/],
    [
      "valid credentials",
      { region: "local", credentials: { accessKeyId: "not valid", secretAccessKey: "-" } },
      /invalid/,
      /does not accept the client's credentials/,
    ],
  ])("such as %s causes an error with the fix", async (_, settings, why, fix) => {
    vi.stubEnv("AWS_REGION", undefined);
    vi.stubEnv("AWS_DEFAULT_REGION", undefined);
    vi.stubEnv("AWS_PROFILE", undefined);
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    vi.stubEnv("AWS_CONFIG_FILE", "/dev/null");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    const { error } = await limiterOn(new DynamoDBClient({ endpoint: server.url, ...settings }), "settings").consume(
      "somebody",
    );
    expect(error).toMatchObject({
      code: "STORE_NOT_READY",
      message: expect.stringMatching(fix),
      cause: { message: expect.stringMatching(why) },
    });
  });

  it("that takes longer to load credentials than a decision may take has the reason as its cause", async () => {
    const client = new DynamoDBClient({
      endpoint: server.url,
      region: "local",
      async credentials() {
        await sleep(400);
        throw new Error("there are no credentials");
      },
    });
    const limiter = limiterOn(client, "late reason", 200);
    expect(await limiter.consume("somebody")).toMatchObject({ error: { code: "STORE_TIMEOUT" } });
    await sleep(400);
    expect(await limiter.consume("somebody")).toMatchObject({
      error: { code: "STORE_TIMEOUT", cause: { message: "there are no credentials" } },
    });
  });
});
