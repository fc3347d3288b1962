import { SluiceError } from "@sluice/core/store";
import { merged } from "./client-options.js";
import { loaded, type Opened, type Opening } from "./opener.js";
import { SLUICE } from "./secrets.js";
import { malformed, rejectUnknownQuery, type StoreUrl } from "./store-url.js";

const STORE = "@sluice/store-dynamodb";
const SDK = "@aws-sdk/client-dynamodb";

/** Uses credentials from the URL, for DynamoDB Local. Without them, the SDK looks in its usual places. */
export async function openDynamodb(url: StoreUrl, { createSchema: createsSchema, given }: Opening): Promise<Opened> {
  const { hosts, path, user, password, query } = url;
  rejectUnknownQuery(url, ["region", "endpoint"]);
  const table = `${hosts}${path}`.replace(/\/$/, "");
  if (!/^([\w.-]{3,255}|arn:[\w:./-]{1,1000})$/.test(table)) {
    throw malformed(url, "does not name a table of 3 to 255 letters, digits, dots, dashes and underscores");
  }
  const [region, endpoint] = [query.get("region"), query.get("endpoint")];
  if (endpoint !== null && !(/^https?:/.test(endpoint) && URL.canParse(endpoint))) {
    throw malformed(url, "has an invalid endpoint, which must be a URL");
  }
  const { dynamodbStore } = await loaded<typeof import("@sluice/store-dynamodb")>(STORE, `${STORE} ${SDK}`);
  const { DynamoDBClient } = await loaded<typeof import("@aws-sdk/client-dynamodb")>(SDK, `${STORE} ${SDK}`);
  const named = {
    ...(region !== null && { region }),
    ...(endpoint !== null && { endpoint }),
    ...(user !== undefined &&
      password !== undefined && { credentials: { accessKeyId: user, secretAccessKey: password } }),
  };
  const client = new DynamoDBClient(merged(named, given));
  const end = async (): Promise<void> => client.destroy();
  try {
    const store = dynamodbStore({ client, table });
    if (createsSchema) await store.createSchema();
    await store.healthCheck();
    return { store, end };
  } catch (error) {
    await end();
    throw isAboutAccess(error) ? new SluiceError("STORE_FAILED", textOf(error), { cause: error.cause }) : error;
  }
}

/**
 * Returns whether the store is not ready for a reason that creating a table does not change, such as missing credentials.
 */
function isAboutAccess(error: unknown): error is SluiceError {
  if (!(error instanceof SluiceError) || error.code !== "STORE_NOT_READY" || !(error.cause instanceof Error))
    return false;
  return !["ResourceNotFoundException", "ValidationException"].includes(error.cause.name);
}

function textOf({ message }: SluiceError): string {
  return message.replace(SLUICE, "");
}
