import { randomUUID } from "node:crypto";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { DynamodbClient } from "../src/index.js";

// Node 20 is the oldest that is supported here; the SDK says with each process that it will not be there for ever.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

/** A local server keeps tables apart by access key, so each test file has its own. */
export const ACCESS_KEY: string = `file${randomUUID().replaceAll("-", "")}`;

/** A client of a local server, which takes any region and credentials. */
export function connect(endpoint: string, config: DynamoDBClientConfig = {}): DynamoDBClient {
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: "local" };
  return new DynamoDBClient({ endpoint, region: "local", credentials, ...config });
}

/** Every kind of client that the store works with. */
export const connectors: Readonly<Record<string, (endpoint: string) => DynamodbClient>> = {
  DynamoDBClient: (endpoint) => connect(endpoint),
  DynamoDBDocumentClient: (endpoint) => DynamoDBDocumentClient.from(connect(endpoint)),
};
