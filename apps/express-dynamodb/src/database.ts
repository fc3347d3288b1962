import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { startDynamodb } from "@sluice/servers";
import { createSchema } from "@sluice/store-dynamodb";

/** A client of a database that has the table, and a function that closes both. */
export interface Database {
  readonly client: DynamoDBClient;
  /** The location of the database, as text for people. */
  readonly where: string;
  stop(): Promise<void>;
}

/**
 * Opens the DynamoDB that the AWS SDK finds in the environment: `AWS_ENDPOINT_URL_DYNAMODB` or `AWS_ENDPOINT_URL`, or
 * AWS itself if only `AWS_REGION` is set. On AWS the table must exist. Without any of these variables, DynamoDB Local
 * is started.
 */
export async function openDatabase(table: string): Promise<Database> {
  const { AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL, AWS_REGION } = process.env;
  const endpoint = AWS_ENDPOINT_URL_DYNAMODB ?? AWS_ENDPOINT_URL;
  if (endpoint === undefined && AWS_REGION !== undefined) {
    const client = new DynamoDBClient({});
    return { client, where: `AWS, ${AWS_REGION}`, stop: async () => client.destroy() };
  }
  const own = endpoint === undefined ? await startDynamodb() : undefined;
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient(own === undefined ? {} : { endpoint: own.url, region: "local", credentials });
  const stop = async (): Promise<void> => {
    client.destroy();
    await own?.stop();
  };
  try {
    await createSchema(client, { table });
  } catch (error) {
    await stop();
    throw error;
  }
  return { client, where: own === undefined ? `DynamoDB at ${endpoint}` : "its own DynamoDB Local", stop };
}
