import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { SluiceError } from "@sluice/core/store";

/**
 * What the store needs of a client: a `DynamoDBClient`, `DynamoDB`, `DynamoDBDocumentClient` or `DynamoDBDocument` of the
 * AWS SDK for JavaScript v3. The store sends commands on it and never destroys it.
 */
export interface DynamodbClient {
  readonly config: object;
  send(...args: never[]): unknown;
}

/** Sends a command of `@aws-sdk/client-dynamodb`; all these clients can. */
export type Send = (command: object, options?: { abortSignal?: AbortSignal }) => Promise<unknown>;

/** @throws SluiceError `INVALID_CLIENT` */
export function sendOf(client: DynamodbClient): Send {
  const given: unknown = client;
  const { send, config } = (given ?? {}) as { send?: unknown; config?: { serviceId?: unknown } };
  if (typeof send !== "function" || config?.serviceId !== "DynamoDB") throw invalidClient(descriptionOf(given), FIX);
  checkVersion(client);
  return async (command, options) => (send as unknown as Send).call(client, command, options);
}

const FIX =
  "Pass a client of @aws-sdk/client-dynamodb such as new DynamoDBClient({}), or a DynamoDBDocumentClient made of one.";

function invalidClient(found: string, fix: string, options?: ErrorOptions): SluiceError {
  const message = `option "client" must be a DynamoDB client of the AWS SDK v3, got ${found}. ${fix}`;
  return new SluiceError("INVALID_CLIENT", message, options);
}

function descriptionOf(given: unknown): string {
  if (typeof given === "string") return "a string";
  if (typeof given === "function") return `the function or class ${given.name || "without a name"}`;
  if (typeof given !== "object" || given === null) return String(given);
  const { config, makeRequest, service, then } = given as {
    config?: { serviceId?: unknown };
    makeRequest?: unknown;
    service?: { makeRequest?: unknown };
    then?: unknown;
  };
  if (typeof makeRequest === "function" || typeof service?.makeRequest === "function") {
    return "a client of the AWS SDK v2 (the package aws-sdk)";
  }
  if (typeof then === "function") return "a promise";
  if (typeof config?.serviceId === "string") return `a client of ${config.serviceId}`;
  const { name } = (given.constructor ?? {}) as { name?: unknown };
  return typeof name === "string" && name !== "Object" ? `an object of the class ${name}` : "an object";
}

/** A client that is older than the commands can't send them: an application may have two copies of the SDK. */
function checkVersion(client: object): void {
  const { middlewareStack, config } = client as { middlewareStack: never; config: never };
  try {
    new GetItemCommand({ TableName: "limits", Key: {} }).resolveMiddleware(middlewareStack, config, {});
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalidClient(
      `one that can't send the commands of the installed @aws-sdk/client-dynamodb (${why})`,
      "It comes from another version of that package. `npm ls @aws-sdk/client-dynamodb` shows all copies: install one version.",
      { cause: error },
    );
  }
}
