import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type KeySchemaElement,
} from "@aws-sdk/client-dynamodb";
import { createLimiter } from "@sluice/core";
import { describe, expect, it } from "vitest";
import { createSchema, dynamodbStore, tableDefinition } from "../src/index.js";
import { connect } from "./clients.js";
import { serverWithTable } from "./server.js";

const { server, client } = await serverWithTable();

describe("options", () => {
  it.each([
    undefined,
    null,
    {},
    { send() {} },
    { send() {}, config: { serviceId: "S3" } },
    "http://127.0.0.1:8000",
    new Map(),
  ])("refuses the client %j", (wrong) => {
    const refused = expect.objectContaining({ code: "INVALID_CLIENT" });
    expect(() => dynamodbStore({ client: wrong as never, table: "limits" })).toThrow(refused);
  });

  it.each([undefined, "", "ab", 'limits"', "limits'; --", "a b c", "ü".repeat(5), "x".repeat(256), 5, "arn:a b"])(
    "refuses the table %j",
    async (wrong) => {
      const refused = expect.objectContaining({
        code: "INVALID_OPTION",
        message: expect.stringContaining("3 to 255 letters"),
      });
      expect(() => dynamodbStore({ client, table: wrong as never })).toThrow(refused);
      expect(() => tableDefinition(wrong as never)).toThrow(refused);
      await expect(createSchema(client, { table: wrong as never })).rejects.toMatchObject({ code: "INVALID_OPTION" });
    },
  );

  it.each([
    { concurrency: 0 },
    { concurrency: 1.5 },
    { concurrency: Number.NaN },
    { clockSkewLimit: 0 },
    { clockSkewLimit: Number.NaN },
    { onClockSkew: "log" },
  ])("refuses %j", (wrong) => {
    const refused = expect.objectContaining({ code: "INVALID_OPTION" });
    expect(() => dynamodbStore({ client, table: "limits", ...(wrong as object) })).toThrow(refused);
  });

  it("refuses an unknown option", () => {
    expect(() => dynamodbStore({ client, tabel: "limits" } as never)).toThrow(/did you mean "table"/);
  });

  it("accepts the name and the ARN of a table", () => {
    dynamodbStore({ client, table: "my-app.limits_2" });
    dynamodbStore({ client, table: "arn:aws:dynamodb:eu-central-1:123456789012:table/limits" });
  });
});

describe("createSchema", () => {
  it("creates the table of tableDefinition, even if ten processes call it concurrently", async () => {
    await Promise.all(Array.from({ length: 10 }, () => createSchema(connect(server.url), { table: "made" })));
    await createSchema(client, { table: "made" });
    const { Table } = await client.send(new DescribeTableCommand({ TableName: "made" }));
    const { TimeToLiveSpecification, BillingMode, ...definition } = tableDefinition("made");
    expect(Table).toMatchObject({ ...definition, TableStatus: "ACTIVE", BillingModeSummary: { BillingMode } });
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: "made" }));
    expect(TimeToLiveDescription).toEqual({
      AttributeName: TimeToLiveSpecification.AttributeName,
      TimeToLiveStatus: "ENABLED",
    });
  });

  it("creates a table that works", async () => {
    await createSchema(client, { table: "works" });
    const limiter = createLimiter({ store: dynamodbStore({ client, table: "works" }), timeout: "5s" });
    expect(await limiter.consume("somebody")).toMatchObject({ source: "store", allowed: true });
  });
});

describe("a table", () => {
  async function failureOn(table: string): Promise<unknown> {
    const limiter = createLimiter({ store: dynamodbStore({ client, table }), timeout: "5s" });
    const decision = await limiter.consume("somebody");
    expect(decision).toMatchObject({ allowed: false, source: "failClosed" });
    const looked = await limiter.peek("somebody");
    expect(looked.error).toMatchObject({ code: (decision.error as { code: string }).code });
    expect((await limiter.healthCheck()).healthy).toBe(false);
    return decision.error;
  }

  it("that is missing causes an error with its name and the fix", async () => {
    expect(await failureOn("no-such-table")).toMatchObject({
      code: "STORE_NOT_READY",
      message: expect.stringMatching(/no table "no-such-table".*tableDefinition\(\)/),
    });
  });

  it("that is missing does not open the circuit breaker, since the service reports it", async () => {
    const limiter = createLimiter({ store: dynamodbStore({ client, table: "no-such-table" }), timeout: "5s" });
    for (let i = 0; i < 6; i++) {
      expect((await limiter.consume("somebody")).error).toMatchObject({ code: "STORE_NOT_READY" });
    }
  });

  it.each<[string, KeySchemaElement[], "S" | "N" | "B"]>([
    ["a-number", [{ AttributeName: "pk", KeyType: "HASH" }], "N"],
    ["another-name", [{ AttributeName: "id", KeyType: "HASH" }], "S"],
    [
      "a-sort-key",
      [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      "S",
    ],
  ])("with another key, %s, is refused with what to do", async (table, KeySchema, AttributeType) => {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: "PAY_PER_REQUEST",
        KeySchema,
        AttributeDefinitions: KeySchema.map(({ AttributeName }) => ({ AttributeName, AttributeType })),
      }),
    );
    expect(await failureOn(table)).toMatchObject({
      code: "STORE_NOT_READY",
      message: expect.stringMatching(/partition key "pk", a string, and no sort key/),
    });
    await expect(createSchema(client, { table })).rejects.toMatchObject({
      code: "STORE_NOT_READY",
      message: expect.stringMatching(/exists, but its key differs from tableDefinition\(\)/),
    });
  });
});
