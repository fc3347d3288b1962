import { randomUUID } from "node:crypto";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { DynamodbClient } from "../src/index.js";

// Node.js 20 is the oldest supported version. Without this the SDK warns in every process that it will drop it.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

/** The access key of this test file. A local server keeps separate tables for each access key. */
export const ACCESS_KEY: string = `file${randomUUID().replaceAll("-", "")}`;

/** A client for a local server, which accepts any region and credentials. */
export function connect(endpoint: string, config: DynamoDBClientConfig = {}): DynamoDBClient {
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: "local" };
  return new DynamoDBClient({ endpoint, region: "local", credentials, ...config });
}

/** Every kind of client that the store accepts. */
export const connectors: Readonly<Record<string, (endpoint: string) => DynamodbClient>> = {
  DynamoDBClient: (endpoint) => connect(endpoint),
  DynamoDBDocumentClient: (endpoint) => DynamoDBDocumentClient.from(connect(endpoint)),
};
