// The store as other processes of the conformance suite open it.
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { dynamodbStore } from "@sluice/store-dynamodb";

/** @param {string} setting the address of the server and the name of the table, with a space in between */
export function makeStore(setting) {
  const [endpoint, table] = setting.split(" ");
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return dynamodbStore({ client: new DynamoDBClient({ endpoint, region: "local", credentials }), table });
}
