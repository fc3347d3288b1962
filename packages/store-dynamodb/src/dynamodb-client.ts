import { SluiceError } from "@sluice/core";

/**
 * What the store needs of a client: a `DynamoDBClient` or a `DynamoDBDocumentClient` of the AWS SDK for JavaScript v3. The
 * store sends commands on it and never destroys it.
 */
export interface DynamodbClient {
  readonly config: object;
  send(...args: never[]): unknown;
}

/** Sends a command of `@aws-sdk/client-dynamodb`; both clients can. */
export type Send = (command: object, options?: { abortSignal?: AbortSignal }) => Promise<unknown>;

/** @throws SluiceError `INVALID_CLIENT` */
export function sendOf(client: DynamodbClient): Send {
  const { send, config } = (client ?? {}) as Partial<DynamodbClient> & { config?: { serviceId?: unknown } };
  if (typeof send !== "function" || config?.serviceId !== "DynamoDB") {
    throw new SluiceError(
      "INVALID_CLIENT",
      'option "client" is not a DynamoDB client: give a DynamoDBClient of @aws-sdk/client-dynamodb (AWS SDK v3), ' +
        "or a DynamoDBDocumentClient made of one",
    );
  }
  return async (command, options) => (send as unknown as Send).call(client, command, options);
}
