// Opens the store in the other processes of the conformance suite.
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { dynamodbStore } from "@sluice/store-dynamodb";

/** @param {string} setting the address of the server, the name of the table and the access key, with spaces in between */
export function makeStore(setting) {
  const [endpoint, table, accessKeyId = "local"] = setting.split(" ");
  const credentials = { accessKeyId, secretAccessKey: "local" };
  return dynamodbStore({ client: new DynamoDBClient({ endpoint, region: "local", credentials }), table });
}
