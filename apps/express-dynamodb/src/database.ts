import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { startDynamodb } from "@sluice/servers";
import { createSchema } from "@sluice/store-dynamodb";

/** A client with the table, and how to let go of both. */
export interface Database {
  readonly client: DynamoDBClient;
  /** The place of the database, for people to read. */
  readonly where: string;
  stop(): Promise<void>;
}

/**
 * The DynamoDB that the environment names as the AWS SDK understands it: by `AWS_ENDPOINT_URL_DYNAMODB` or
 * `AWS_ENDPOINT_URL`, or by `AWS_REGION` alone for AWS itself, where the table has to be there. Otherwise DynamoDB Local is
 * started.
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
