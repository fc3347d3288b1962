import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DescribeTableCommandOutput,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { check, checkOptions, SluiceError } from "@sluice/core/store";
import { type DynamodbClient, type Send, sendOf, storeFailed } from "./client.js";
import { PARTITION_KEY, TABLE, TIME_TO_LIVE } from "./table.js";

/** A table in the form that CloudFormation (`AWS::DynamoDB::Table`), the CDK's `CfnTable` and SAM use. */
export interface TableDefinition {
  readonly TableName: string;
  readonly AttributeDefinitions: { AttributeName: string; AttributeType: "S" }[];
  readonly KeySchema: { AttributeName: string; KeyType: "HASH" }[];
  readonly BillingMode: "PAY_PER_REQUEST";
  readonly TimeToLiveSpecification: { readonly AttributeName: string; readonly Enabled: true };
}

/**
 * Returns the definition of the table that the store needs: a string key, on-demand billing, and a time to live.
 *
 * @throws SluiceError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { tableDefinition } from "@sluice/store-dynamodb";
 *
 * const template = {
 *   Resources: { Limits: { Type: "AWS::DynamoDB::Table", Properties: tableDefinition("rate-limits") } },
 * };
 * console.log(JSON.stringify(template));
 * ```
 */
export function tableDefinition(table: string): TableDefinition {
  return {
    TableName: check("table", table, TABLE),
    AttributeDefinitions: [{ AttributeName: PARTITION_KEY, AttributeType: "S" }],
    KeySchema: [{ AttributeName: PARTITION_KEY, KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
    TimeToLiveSpecification: { AttributeName: TIME_TO_LIVE, Enabled: true },
  };
}

/** Options of {@link createSchema}. */
export interface SchemaOptions {
  /** The name or ARN of the store's table. */
  table: string;
}

/**
 * Creates the table for development and tests, and resolves when it can be used. Does nothing if it exists. Several
 * processes may call it at the same time. In production, create the table from {@link tableDefinition}.
 *
 * @throws SluiceError `INVALID_CLIENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`; rejects with `STORE_NOT_READY` if a table of
 * that name has another key
 *
 * @example
 * ```ts
 * import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
 * import { createSchema } from "@sluice/store-dynamodb";
 *
 * await createSchema(new DynamoDBClient({}), { table: "rate-limits" });
 * ```
 */
export async function createSchema(client: DynamodbClient, options: SchemaOptions): Promise<void> {
  const send = sendOf(client);
  checkOptions(options, { table: TABLE }, "createSchema");
  const { table } = options;
  const { TimeToLiveSpecification, ...definition } = tableDefinition(table);
  try {
    await ignoring("ResourceInUseException", send(new CreateTableCommand(definition as CreateTableCommandInput)));
    await untilActive(send, table);
    // DynamoDB rejects this if it is already enabled.
    await ignoring(
      "ValidationException",
      send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification })),
    );
  } catch (error) {
    throw storeFailed(error, table);
  }
}

async function untilActive(send: Send, table: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { Table } = (await send(new DescribeTableCommand({ TableName: table }))) as DescribeTableCommandOutput;
    if (Table?.TableStatus === "ACTIVE") return checkKey(table, Table);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new SluiceError(
    "STORE_NOT_READY",
    `the table "${table}" is not active after a minute: check it in the AWS console`,
  );
}

function checkKey(
  table: string,
  { KeySchema = [], AttributeDefinitions = [] }: NonNullable<DescribeTableCommandOutput["Table"]>,
): void {
  const type = AttributeDefinitions.find(({ AttributeName }) => AttributeName === PARTITION_KEY)?.AttributeType;
  if (KeySchema.length === 1 && KeySchema[0]?.AttributeName === PARTITION_KEY && type === "S") return;
  throw new SluiceError(
    "STORE_NOT_READY",
    `the table "${table}" exists, but its key differs from tableDefinition(): delete it, or choose another name`,
  );
}

async function ignoring(name: string, request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof Error && error.name === name)) throw error;
  }
}
